; Taking Hearth away: the app asks about and removes its user's part (desktop/commands/uninstall.py), the rest is here.
; Uninstall.exe [/S [/REMOVEDATA]]; silent, keys, wallet and ledger stay unless /REMOVEDATA says otherwise.
!include nsDialogs.nsh
!include TextFunc.nsh

Var decision ; the app's arguments: what to keep or remove
Var box_keys
Var box_wallet
Var box_ledger
Var height

!ifdef SIGN
  !uninstfinalize '${SIGN} "%1"'
!endif

Function un.onInit
  SetShellVarContext current
  !insertmacro OwnPython
  StrCpy $decision "--keep-data"
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/REMOVEDATA" $1
  ${IfNot} ${Errors}
    StrCpy $decision "--remove-data"
  ${EndIf}
  Call un.FindPython
FunctionEnd

; A box for one of the lines `hearth uninstall --found` prints: its word, a tabulator, the question.
!macro Box word box
  StrLen $4 "${word}"
  StrCpy $5 $3 $4
  ${If} $5 == "${word}"
    IntOp $4 $4 + 1
    StrCpy $5 $3 "" $4
    ${NSD_CreateCheckbox} 0 $heightu 100% 24u "$5"
    Pop ${box}
    System::Call 'user32::GetWindowLongW(p ${box}, i -16) i .r6'
    IntOp $6 $6 | 0x2000 ; BS_MULTILINE
    System::Call 'user32::SetWindowLongW(p ${box}, i -16, i r6)'
    IntOp $height $height + 28
  ${EndIf}
!macroend

Function un.AskWhatToRemove
  ${If} $python == ""
    Return ; nobody to tell what there is: it stays
  ${EndIf}
  nsExec::ExecToStack '$python uninstall --found'
  Pop $0
  Pop $1
  ${If} $0 != 0
  ${OrIf} $1 == ""
    Return
  ${EndIf}
  !insertmacro MUI_HEADER_TEXT "Your keys, wallet and ledger" "What nobody can fetch again stays on this computer, unless you tick it."
  nsDialogs::Create 1018
  Pop $0
  StrCpy $height 0
  GetTempFileName $2
  FileOpen $0 $2 w
  FileWrite $0 $1
  FileClose $0
  FileOpen $0 $2 r
  ${Do}
    ClearErrors
    FileRead $0 $3
    ${If} ${Errors}
      ${ExitDo}
    ${EndIf}
    ${TrimNewLines} $3 $3
    !insertmacro Box keys $box_keys
    !insertmacro Box wallet $box_wallet
    !insertmacro Box ledger $box_ledger
  ${Loop}
  FileClose $0
  Delete $2
  ${NSD_CreateLabel} 0 $heightu 100% 24u "What stays is in ${DATA}, and a new Hearth finds it there."
  Pop $0
  nsDialogs::Show
FunctionEnd

!macro Ticked word box
  ${If} ${box} != ""
    ${NSD_GetState} ${box} $0
    ${If} $0 == ${BST_CHECKED}
      StrCpy $decision "$decision --remove ${word}"
    ${EndIf}
  ${EndIf}
!macroend

Function un.ReadWhatToRemove
  StrCpy $decision ""
  !insertmacro Ticked keys $box_keys
  !insertmacro Ticked wallet $box_wallet
  !insertmacro Ticked ledger $box_ledger
  ${If} $decision == ""
    StrCpy $decision "--keep-data"
  ${EndIf}
FunctionEnd

; The user's part. Without an environment nobody can look into keys and wallet, so they stay.
Function un.RemoveData
  ${If} $python == ""
    ${If} ${FileExists} "${DATA}\*.*"
      DetailPrint "Hearth was not ready to run, so that nobody could look at keys, wallet and ledger. They stay in ${DATA}"
    ${EndIf}
    Return
  ${EndIf}
  ${Do}
    nsExec::ExecToStack '$python uninstall --yes $decision'
    Pop $0
    Pop $1
    DetailPrint "$1"
    ${If} $0 == 0
      ${ExitDo}
    ${EndIf}
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$1" /SD IDCANCEL IDRETRY +5
      Push "$1"
      Call un.Tell
      SetErrorLevel ${NOT_NOW}
      Quit
  ${Loop}
FunctionEnd

; By a rename first, which fails while something in there runs: half an environment is worse than a whole one.
Function un.RemoveRuntime
  SetDetailsPrint none ; not every one of ten thousand files
  StrCpy $0 0
  ${Do}
    RMDir /r "${RUNTIME}.gone"
    ${IfNot} ${FileExists} "${RUNTIME}\*.*"
      Return
    ${EndIf}
    ClearErrors
    Rename "${RUNTIME}" "${RUNTIME}.gone"
    ${IfNot} ${Errors}
      RMDir /r "${RUNTIME}.gone"
      Return
    ${EndIf}
    IntOp $0 $0 + 1
    ${If} $0 < 10
      Sleep 500
    ${Else}
      StrCpy $0 0
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Something still runs from ${RUNTIME}, perhaps a Hearth with a folder of its own (--home). End it, then try again." /SD IDCANCEL IDRETRY +5
        Push "Something still runs from ${RUNTIME}, perhaps a Hearth with a folder of its own (--home). End it, then try again."
        Call un.Tell
        SetErrorLevel ${STILL_RUNS}
        Quit
    ${EndIf}
  ${Loop}
FunctionEnd

Section "un.Hearth"
  Call un.StopHearth
  Call un.RemoveData
  DetailPrint "Removing the libraries."
  Call un.RemoveRuntime
  SetDetailsPrint both
  RMDir "${BASE}\data"
  RMDir "${BASE}"
  Call un.TakeFiles
  Delete "$INSTDIR\Uninstall.exe"
  SetOutPath "$TEMP"
  RMDir "$INSTDIR"
  Delete "${MENU}\Hearth.lnk"
  Delete "${MENU}\Hearth command line.lnk"
  RMDir "${MENU}"
  Delete "$DESKTOP\Hearth.lnk"
  DeleteRegValue HKCU "${RUN}" "${RUN_NAME}"
  DeleteRegValue HKCU "${APPROVED}" "${RUN_NAME}"
  DeleteRegKey HKCU "${UNINSTALL}"
  DeleteRegKey HKCU "Software\Hearth"
SectionEnd
