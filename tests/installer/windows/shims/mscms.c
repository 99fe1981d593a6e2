/* The screen's colour profile, of which Wine 8 knows only half the functions Qt asks for: there is none. */
#include <windows.h>

__declspec(dllexport) HANDLE WINAPI OpenColorProfileW(void *profile, DWORD access, DWORD share, DWORD mode)
{
    return NULL;
}

__declspec(dllexport) HANDLE WINAPI WcsOpenColorProfileW(
    void *device, void *gamut, void *viewing, DWORD access, DWORD share, DWORD mode, DWORD flags)
{
    return NULL;
}

__declspec(dllexport) HANDLE WINAPI WcsCreateIccProfile(HANDLE profile, DWORD options)
{
    return NULL;
}

__declspec(dllexport) BOOL WINAPI GetColorProfileFromHandle(HANDLE profile, BYTE *bytes, DWORD *count)
{
    return FALSE;
}

__declspec(dllexport) BOOL WINAPI CloseColorProfile(HANDLE profile)
{
    return TRUE;
}
