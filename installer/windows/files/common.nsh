; What setup and launcher share. Defined outside: VERSION and NUMBERS (four of them), ID, ICON, COMPRESSION, OUT.
Unicode true
!include LogicLib.nsh
!include FileFunc.nsh
!include MUI2.nsh

Name "Hearth"
OutFile "${OUT}"
RequestExecutionLevel user
ManifestDPIAware true
ManifestSupportedOS Win10
SetCompressor /SOLID ${COMPRESSION}
BrandingText "Hearth ${VERSION}"
!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
VIProductVersion "${NUMBERS}"
VIAddVersionKey ProductName "Hearth"
VIAddVersionKey ProductVersion "${VERSION}"
VIAddVersionKey FileVersion "${VERSION}"
VIAddVersionKey CompanyName "The Hearth developers"
VIAddVersionKey LegalCopyright "The Hearth developers, MIT licence"

; Exit statuses, told in installer/README.md.
!define CANNOT_HERE 6
!define STILL_RUNS 5
!define NOT_OLDER 7
!define NOT_NOW 75

; Where one user's Hearth keeps everything: desktop/machine/windows.py says the same.
!define BASE "$LOCALAPPDATA\Hearth"
!define RUNTIME "${BASE}\runtime"
!define DATA "${BASE}\data"

!macro SetVariable name value
  System::Call 'kernel32::SetEnvironmentVariable(t "${name}", t "${value}")'
!macroend
!macro ForgetVariable name
  System::Call 'kernel32::SetEnvironmentVariable(t "${name}", p 0)'
!macroend

; What is set for other programs' Pythons, or lies in the current folder, is not for ours.
!macro OwnPython
  !insertmacro ForgetVariable PYTHONHOME
  !insertmacro ForgetVariable PYTHONPATH
  !insertmacro ForgetVariable PYTHONSTARTUP
  !insertmacro ForgetVariable VIRTUAL_ENV
  !insertmacro ForgetVariable CONDA_PREFIX
  !insertmacro SetVariable PYTHONSAFEPATH 1
  !insertmacro SetVariable PYTHONNOUSERSITE 1
  !insertmacro SetVariable PYTHONUTF8 1
  ; The app installs with uv too: by the system's certificates, and by no settings meant for somebody's projects.
  !insertmacro SetVariable UV_SYSTEM_CERTS 1
  !insertmacro SetVariable UV_NO_CONFIG 1
!macroend

; Pops a file of a lock, pushes 1 while a process holds it. Whoever holds one has the file open for writing, and an
; open of ours that allows no other writer fails then. Nothing is made or changed.
!macro LockFunctions un
Function ${un}IsHeld
  Exch $0
  Push $1
  StrCpy $1 0
  ${If} ${FileExists} "$0"
    ClearErrors
    FileOpen $1 "$0" a
    ${If} ${Errors}
      StrCpy $1 1
    ${Else}
      FileClose $1
      StrCpy $1 0
    ${EndIf}
  ${EndIf}
  StrCpy $0 $1
  Pop $1
  Exch $0
FunctionEnd

; Pushes 1 while a window or a node of this user runs.
Function ${un}Runs
  Push "${DATA}\window.lock"
  Call ${un}IsHeld
  Exch $0
  ${If} $0 == 0
    Pop $0
    Push "${DATA}\hearth.lock"
    Call ${un}IsHeld
  ${Else}
    Exch $0
  ${EndIf}
FunctionEnd
!macroend

; Pops a sentence, and says it on the standard output of whoever started this silently, which no window would tell.
!macro TellFunction un
Function ${un}Tell
  Exch $0
  ${If} ${Silent}
    Push $1
    System::Call 'kernel32::AttachConsole(i -1)'
    System::Call 'kernel32::GetStdHandle(i -11) p .r1'
    ClearErrors
    FileWrite $1 "$0$\r$\n"
    ClearErrors
    Pop $1
  ${EndIf}
  Pop $0
FunctionEnd
!macroend
