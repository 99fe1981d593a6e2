; The setup: installs Hearth for one user without an administrator. Again it repairs; a newer one upgrades, also over a
; running Hearth; an older one refuses.
;
; hearth-VERSION-setup.exe [/S [/AUTOSTART]] [/D=FOLDER]
; Exit status: 0 installed, 1 and 2 given up, 5 Hearth runs and does not end, 6 not on this Windows, 7 a newer one is
; installed. Silent, it starts again what it ended. /D counts at the first installation only.
!include common.nsh
!include WinVer.nsh
!include WordFunc.nsh

!if "${COMPRESSION}" == lzma
  SetCompressorDictSize 32 ; megabytes: more than uv, the largest file, has
!endif
InstallDir "$LOCALAPPDATA\Programs\Hearth"
InstallDirRegKey HKCU "Software\Hearth" "InstallDir"
VIAddVersionKey FileDescription "Hearth setup"

!define MUI_ABORTWARNING
!define MUI_WELCOMEFINISHPAGE_BITMAP "${PICTURE}"
!define MUI_COMPONENTSPAGE_SMALLDESC
!define MUI_WELCOMEPAGE_TEXT "Hearth lends this computer's idle power to an open AI network and gets paid for it.$\r$\n$\r$\nThis installs a small program for you alone; no administrator is needed. Its first start fetches the libraries, about 150 MB.$\r$\n$\r$\nA running Hearth is ended first, and keeps its keys, wallet, ledger and settings."
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_RUN "$INSTDIR\Hearth.exe"
!define MUI_FINISHPAGE_RUN_TEXT "Start Hearth now"
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
UninstPage custom un.AskWhatToRemove un.ReadWhatToRemove
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Hearth"
; As in desktop/machine/autostart/run_key.py, so that the app's switch and this one are the same.
!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define APPROVED "Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
!define RUN_NAME "hearth"
!define MENU "$SMPROGRAMS\Hearth"

!insertmacro LockFunctions ""
!insertmacro LockFunctions "un."
!insertmacro TellFunction ""
!insertmacro TellFunction "un."
!include stop.nsh
!insertmacro StopFunctions ""
!insertmacro StopFunctions "un."
; Made by the build: PutFiles, which lays down every file by its name, and un.TakeFiles, which takes away the same.
!include files.nsh
!include uninstall.nsh

!macro Refuse status words
  MessageBox MB_OK|MB_ICONSTOP "${words}" /SD IDOK
  Push "${words}"
  Call Tell
  SetErrorLevel ${status}
  Quit
!macroend

Section "Hearth" SecHearth
  SectionIn RO
  AddSize ${KILOBYTES}
  Call StopHearth
  Delete "$INSTDIR\hearth_desktop-*.whl"
  Call PutFiles
  WriteUninstaller "$INSTDIR\Uninstall.exe"
  SetOutPath "$INSTDIR"
  CreateDirectory "${MENU}"
  CreateShortcut "${MENU}\Hearth.lnk" "$INSTDIR\Hearth.exe" "" "$INSTDIR\hearth.ico"
  CreateShortcut "${MENU}\Hearth command line.lnk" "$SYSDIR\cmd.exe" '/k "$INSTDIR\bin\prompt.cmd"' "$INSTDIR\hearth.ico"
  WriteRegStr HKCU "Software\Hearth" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "Software\Hearth" "Version" "${VERSION}"
  WriteRegStr HKCU "Software\Hearth" "Numbers" "${NUMBERS}"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "Hearth"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL}" "Publisher" "The Hearth developers"
  WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\hearth.ico"
  WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\Uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\Uninstall.exe" /S'
  WriteRegStr HKCU "${UNINSTALL}" "ModifyPath" '"$INSTDIR\Hearth.exe" --repair'
  WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" $0
SectionEnd

Section /o "Start with Windows, in the tray" SecAutostart
  WriteRegStr HKCU "${RUN}" "${RUN_NAME}" '"$INSTDIR\hearth.exe" --hidden'
SectionEnd

Section /o "Icon on the desktop" SecDesktop
  CreateShortcut "$DESKTOP\Hearth.lnk" "$INSTDIR\Hearth.exe" "" "$INSTDIR\hearth.ico"
SectionEnd

Section "-settle"
  ${IfNot} ${SectionIsSelected} ${SecAutostart}
    DeleteRegValue HKCU "${RUN}" "${RUN_NAME}"
    DeleteRegValue HKCU "${APPROVED}" "${RUN_NAME}"
  ${EndIf}
  ${If} ${Silent}
  ${AndIf} $stopped != ""
    Exec '"$INSTDIR\Hearth.exe" $stopped'
  ${EndIf}
SectionEnd

!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
  !insertmacro MUI_DESCRIPTION_TEXT ${SecHearth} "The program, its entries in the start menu, and its removal in Windows' settings."
  !insertmacro MUI_DESCRIPTION_TEXT ${SecAutostart} "Opens Hearth in the tray when you log in. Its settings have the same switch."
  !insertmacro MUI_DESCRIPTION_TEXT ${SecDesktop} "One more way to open it."
!insertmacro MUI_FUNCTION_DESCRIPTION_END

Function .onInit
  SetShellVarContext current
  !insertmacro OwnPython
  ${IfNot} ${AtLeastWin10}
    !insertmacro Refuse ${CANNOT_HERE} "Hearth needs Windows 10 or 11, 64 bit."
  ${EndIf}
  ReadRegStr $0 HKCU "Software\Hearth" "Numbers"
  ReadRegStr $2 HKCU "Software\Hearth" "InstallDir"
  ${If} $0 != ""
  ${AndIf} ${FileExists} "$2\Hearth.exe"
    StrCpy $INSTDIR $2 ; one user has one Hearth
    ${VersionCompare} "$0" "${NUMBERS}" $1
    ${If} $1 == 1
      ReadRegStr $0 HKCU "Software\Hearth" "Version"
      !insertmacro Refuse ${NOT_OLDER} "Hearth $0 is installed, and this is the older ${VERSION}, which may not read what the newer one wrote. Nothing was changed. To go back all the same, remove Hearth in Windows' settings first, and keep your keys, wallet and ledger."
    ${EndIf}
  ${EndIf}
  ; What is so already stays so, whoever switched it on.
  ReadRegStr $0 HKCU "${RUN}" "${RUN_NAME}"
  ${GetParameters} $1
  ClearErrors
  ${GetOptions} $1 "/AUTOSTART" $2
  ${IfNot} ${Errors}
    DeleteRegValue HKCU "${APPROVED}" "${RUN_NAME}"
    StrCpy $0 wanted
  ${EndIf}
  ${If} $0 != ""
    !insertmacro SelectSection ${SecAutostart}
  ${EndIf}
FunctionEnd
