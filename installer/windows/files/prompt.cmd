@echo off
set "PATH=%~dp0;%PATH%"
cd /d "%USERPROFILE%"
hearth --help
