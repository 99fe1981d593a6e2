; Hearth.exe: starts the app from its environment in the user's data folder, making that first where it is missing.
;
; The environment is built in env-ID.part and gets its name by one rename when it is whole and was tried out. However
; this is ended, the next start finds either all of it or nothing it would take for it; finished downloads are kept in
; the cache. ID names the exact libraries and the exact app, so an upgrade makes a new environment beside the one before.
;
; Hearth.exe [/S] [--repair] [--prepare-only] [ARGUMENTS OF hearth]
; Exit status: 0 made or started, 75 not now (said why). HEARTH_WHEELS=FOLDER takes every library from this folder and
; nothing from the network; HEARTH_PYTHON=PROGRAM uses this Python.
!include common.nsh
!include StrFunc.nsh
${StrStr}
${StrRep}

Caption "Preparing Hearth"
Icon "${ICON}"
ShowInstDetails show
AutoCloseWindow true
VIAddVersionKey FileDescription "Hearth"
!define MUI_PAGE_HEADER_TEXT "Preparing Hearth"
!define MUI_PAGE_HEADER_SUBTEXT "This happens once and takes some minutes. What was fetched is kept if it ends early."
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_LANGUAGE English

!define NEEDED_MB 600 ; free, before the first byte is fetched; about 350 are used
!define LIBRARIES_MB 350 ; unpacked, with the cache they come from, for the progress shown
!define STEPS 8
!define PYTHON_FETCHED 3.12

Var environment
Var part
Var log
Var out       ; the log, open
Var nothing   ; to be read by those who want to read something
Var lock
Var arguments ; for the app
Var repair
Var only      ; to prepare and not to start
Var number    ; of the step
Var words     ; of the step
Var python
Var sources
Var mb_before
Var what      ; went wrong
Var now       ; to do about it
Var job

!insertmacro LockFunctions ""
!insertmacro TellFunction ""
!include process.nsh
!include explain.nsh
!include steps.nsh

; Takes a word out of the arguments; 1 if it was there, else 0.
!macro Take word found
  StrCpy ${found} 0
  ${StrStr} $0 " $arguments " " ${word} "
  ${If} $0 != ""
    StrCpy ${found} 1
    ${StrRep} $arguments " $arguments " " ${word} " " "
  ${EndIf}
!macroend

Function StartApp
  SetOutPath "$PROFILE" ; a folder that is some program's current one cannot be removed
  Exec '"$environment\Scripts\pythonw.exe" -m desktop $arguments'
FunctionEnd

Function .onInit
  SetShellVarContext current
  StrCpy $environment "${RUNTIME}\env-${ID}"
  StrCpy $part "$environment.part"
  StrCpy $log "${RUNTIME}\prepare.log"
  ${GetParameters} $arguments
  !insertmacro Take "/S" $1
  !insertmacro Take "--repair" $repair
  !insertmacro Take "--prepare-only" $only
  !insertmacro OwnPython
  !insertmacro SetVariable HEARTH_PAYLOAD $EXEDIR
  ${If} $repair == 0
  ${AndIf} ${FileExists} "$environment\Scripts\pythonw.exe"
    ${If} $only == 0
      Call StartApp
    ${EndIf}
    SetErrorLevel 0
    Quit
  ${EndIf}
FunctionEnd

; One at a time.
Function Wait
  StrCpy $0 0
  ${Do}
    ClearErrors
    FileOpen $lock "${RUNTIME}\prepare.lock" w
    ${IfNot} ${Errors}
      ${ExitDo}
    ${EndIf}
    ${If} $0 == 0
      SetDetailsPrint both
      DetailPrint "Hearth is being prepared by another start; waiting for it."
      StrCpy $0 1
    ${EndIf}
    Sleep 300
  ${Loop}
FunctionEnd

Section
  SetDetailsPrint none
  GetDlgItem $0 $HWNDPARENT 2 ; it may be ended at any time
  EnableWindow $0 1
  CreateDirectory "${RUNTIME}"
  Call Wait
  ${If} $repair == 0
  ${AndIf} ${FileExists} "$environment\Scripts\pythonw.exe"
    Goto made ; by the other start
  ${EndIf}
  Call HoldChildren
  !insertmacro SetVariable UV_NO_PROGRESS 1
  !insertmacro SetVariable UV_CACHE_DIR "${RUNTIME}\cache"
  !insertmacro SetVariable UV_PYTHON_INSTALL_DIR "${RUNTIME}\python"
  ReadEnvStr $0 HEARTH_WHEELS
  ${If} $0 != ""
    !insertmacro SetVariable UV_OFFLINE 1
    !insertmacro SetVariable UV_NO_INDEX 1
    !insertmacro SetVariable UV_FIND_LINKS $0
    StrCpy $sources " from $0"
  ${EndIf}
again:
  Call OpenLog
  StrCpy $what ""
  ${If} $repair == 1
    Call Runs
    Pop $0
    ${If} $0 == 1
      StrCpy $what "Hearth is running, and cannot be repaired under its feet."
      StrCpy $now "Quit it in its tray menu first."
    ${Else}
      ; The cache and the environment share their files on the disk, and so their damage.
      RMDir /r "${RUNTIME}\cache"
    ${EndIf}
  ${EndIf}
  ${If} $what == ""
    Call Build
  ${EndIf}
  ${If} $what != ""
    !insertmacro Write "FAILED: $what $now"
    SetDetailsPrint both
    DetailPrint "$what"
    DetailPrint "$now"
    SetDetailsPrint none
    Call CloseLog
    Push "Hearth: $what $now The log is $log"
    Call Tell
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$what$\r$\n$now$\r$\n$\r$\nThe log is $log" /SD IDCANCEL IDRETRY again
    SetErrorLevel ${NOT_NOW}
    Quit
  ${EndIf}
  Call CloseLog
  Call ReleaseChildren
made:
  FileClose $lock
  ${If} $only == 0
    Call StartApp
  ${EndIf}
SectionEnd
