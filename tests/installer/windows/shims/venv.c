/* What lies in a virtual environment's Scripts: runs the Python that pyvenv.cfg names as home, as CPython's own does,
   and takes it along when it is ended itself. */
#include <stdio.h>
#include <windows.h>

#define MOST 1024

static int find_home(const wchar_t *own, wchar_t *home)
{
    wchar_t path[MOST], line[MOST], *end;
    wcscpy(path, own);
    for (int up = 0; up < 2; up++) {
        end = wcsrchr(path, L'\\');
        if (!end) return 0;
        *end = 0;
    }
    wcscat(path, L"\\pyvenv.cfg");
    FILE *file = _wfopen(path, L"r, ccs=UTF-8");
    if (!file) return 0;
    int found = 0;
    while (!found && fgetws(line, MOST, file)) found = swscanf(line, L"home = %1023l[^\r\n]", home) == 1;
    fclose(file);
    return found;
}

int wmain(void)
{
    wchar_t own[MOST], home[MOST], program[2 * MOST];
    GetModuleFileNameW(NULL, own, MOST);
    if (!find_home(own, home)) return 103;
    swprintf(program, 2 * MOST, L"%ls%ls", home, wcsrchr(own, L'\\'));
    SetEnvironmentVariableW(L"__PYVENV_LAUNCHER__", own);

    HANDLE job = CreateJobObjectW(NULL, NULL);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);

    STARTUPINFOW start;
    PROCESS_INFORMATION child;
    DWORD status = 104;
    GetStartupInfoW(&start);
    if (!CreateProcessW(program, GetCommandLineW(), NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) return (int)status;
    AssignProcessToJobObject(job, child.hProcess);
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &status);
    return (int)status;
}
