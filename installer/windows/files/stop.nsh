; Ending a running Hearth before its files change. `stopped` is 1 afterwards if one ran.
Var stopped
Var python ; of the newest environment, with its arguments for the app to follow; "" if there is none

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

Function ${un}StopHearth
  Call ${un}FindPython
  Call ${un}Runs
  Pop $stopped
  ${If} $stopped == 0
    Return
  ${EndIf}
  ${Do}
    DetailPrint "Asking Hearth to end. It finishes or refunds a job first, which can take a minute."
    ${If} $python != ""
      nsExec::ExecToLog '$python stop --app'
      Pop $0
    ${EndIf}
    Call ${un}Runs
    Pop $0
    ${If} $0 == 0
      ${ExitDo}
    ${EndIf}
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Hearth is still running. Quit it in its tray menu, then try again." /SD IDCANCEL IDRETRY +5
      Push "Hearth is still running, and nothing was changed. Quit it in its tray menu, then try again."
      Call ${un}Tell
      SetErrorLevel ${STILL_RUNS}
      Quit
  ${Loop}
FunctionEnd
!macroend
