/* python.exe and pythonw.exe: all of Python is in its library, which lies beside them. */
#include <windows.h>

typedef int (*entry)(int, wchar_t **);

int wmain(int count, wchar_t **words)
{
    HMODULE library = LoadLibraryW(LIBRARY);
    entry run = library ? (entry)GetProcAddress(library, "Py_Main") : NULL;
    return run ? run(count, words) : 101;
}
