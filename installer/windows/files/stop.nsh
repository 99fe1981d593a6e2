; Ending a running Hearth before its files change.
Var stopped ; what starts again what ran: the launcher's words for a window or for a node alone, or ""
Var python  ; of the newest environment, with its arguments for the app to follow; "" if there is none

!macro StopFunctions un
Function ${un}FindPython
  StrCpy $python ""
  ClearErrors
  FileOpen $0 "${RUNTIME}\newest" r
  ${IfNot} ${Errors}
    FileRead $0 $1
    FileClose $0
    ${If} ${FileExists} "${RUNTIME}\$1\Scripts\python.exe"
      StrCpy $python '"${RUNTIME}\$1\Scripts\python.exe" -m desktop'
    ${EndIf}
  ${EndIf}
FunctionEnd

; Pushes 1 while window or node runs, or a start prepares them.
Function ${un}IsBusy
  Call ${un}Runs
  Exch $0
  ${If} $0 == 0
    Pop $0
    Push "${RUNTIME}\prepare.lock"
    Call ${un}IsHeld
  ${Else}
    Exch $0
  ${EndIf}
FunctionEnd

Function ${un}StopHearth
  Call ${un}FindPython
  StrCpy $stopped ""
  Push "${DATA}\hearth.lock"
  Call ${un}IsHeld
  Pop $0
  ${If} $0 == 1
    StrCpy $stopped "node"
  ${EndIf}
  Push "${DATA}\window.lock"
  Call ${un}IsHeld
  Pop $0
  ${If} $0 == 1
    StrCpy $stopped "--hidden"
  ${EndIf}
  ${Do}
    Call ${un}IsBusy
    Pop $0
    ${If} $0 == 0
      ${ExitDo}
    ${EndIf}
    ${If} $stopped != ""
    ${AndIf} $python != ""
      DetailPrint "Asking Hearth to end. It finishes or refunds a job first, which can take a minute."
      nsExec::ExecToLog '$python stop --app'
      Pop $0
      Call ${un}IsBusy
      Pop $0
      ${If} $0 == 0
        ${ExitDo}
      ${EndIf}
    ${EndIf}
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Hearth is still running, or is being prepared. Quit it, then try again." /SD IDCANCEL IDRETRY +5
      Push "Hearth is still running, or is being prepared, and nothing was changed. Quit it, then try again."
      Call ${un}Tell
      SetErrorLevel ${STILL_RUNS}
      Quit
  ${Loop}
FunctionEnd
!macroend
