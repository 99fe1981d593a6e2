@echo off
rem The command line of an installed Hearth. Hearth.exe is the same for the mouse: Windows lets no program be both.
setlocal
set "app=%~dp0.."
set "id="
set /p id=<"%app%\id"
set "python=%LOCALAPPDATA%\Hearth\runtime\env-%id%\Scripts\python.exe"
if exist "%python%" goto ready
start "" /wait "%app%\Hearth.exe" --prepare-only
if exist "%python%" goto ready
echo Hearth is not ready yet. The reason is in "%LOCALAPPDATA%\Hearth\runtime\prepare.log" 1>&2
exit /b 75

:ready
set "PYTHONHOME="
set "PYTHONPATH="
set "PYTHONSTARTUP="
set "VIRTUAL_ENV="
set "PYTHONSAFEPATH=1"
set "PYTHONNOUSERSITE=1"
set "PYTHONUTF8=1"
set "UV_SYSTEM_CERTS=1"
set "UV_NO_CONFIG=1"
for %%i in ("%app%") do set "HEARTH_PAYLOAD=%%~fi"
"%python%" -m desktop %*
if not %errorlevel%==0 exit /b %errorlevel%
if "%~1"=="uninstall" echo The program itself is removed in Windows' settings, under Apps. 1>&2
exit /b 0
