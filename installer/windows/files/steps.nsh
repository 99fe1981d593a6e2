; The steps that make an environment. Each leaves "" in $what, or what went wrong, and in $now what to do.

; Next step: its words are shown, and written into the log.
!macro Step text
  StrCpy $words "${text}"
  Call NextStep
!macroend

; Runs a command; if it fails, explains that and leaves the function.
!macro Do command
  Push '${command}'
  Call Run
  Pop $0
  ${If} $0 != 0
    Call Explain
    Return
  ${EndIf}
!macroend

Function NextStep
  IntOp $number $number + 1
  SetDetailsPrint both
  DetailPrint "$number of ${STEPS}: $words"
  SetDetailsPrint none ; not every file that is moved
  !insertmacro Write "--- $number/${STEPS} $words"
  Call Progress
FunctionEnd

; Moves the bar, and while something is fetched tells how far it is: by what the disk lost meanwhile, which is quick.
Function Progress
  Push $0
  Push $1
  ${IfNot} ${Silent}
    ${If} $number == 5
      ${DriveSpace} "$LOCALAPPDATA" "/D=F /S=M" $0
      IntOp $0 $mb_before - $0
      ${If} $0 > ${LIBRARIES_MB}
        StrCpy $0 ${LIBRARIES_MB}
      ${EndIf}
      ${If} $0 > 0
        SetDetailsPrint textonly
        DetailPrint "$number of ${STEPS}: $words ($0 of about ${LIBRARIES_MB} MB on disk)"
        SetDetailsPrint none
      ${EndIf}
    ${EndIf}
    FindWindow $0 "#32770" "" $HWNDPARENT
    GetDlgItem $0 $0 1004
    IntOp $1 $number * 3200
    SendMessage $0 ${PBM_SETPOS} $1 0
  ${EndIf}
  Pop $1
  Pop $0
FunctionEnd

Function Build
  StrCpy $what ""
  StrCpy $number 0

  !insertmacro Step "Looking for free space"
  ${DriveSpace} "$LOCALAPPDATA" "/D=F /S=M" $mb_before
  !insertmacro Write "$mb_before MB free, ${NEEDED_MB} MB needed"
  ${If} $mb_before < ${NEEDED_MB}
    StrCpy $what "There is too little room on the disk: $mb_before MB free, ${NEEDED_MB} MB needed."
    StrCpy $now "Make room on the disk with your user folder."
    Return
  ${EndIf}

  ReadEnvStr $python HEARTH_PYTHON
  ${If} $python == ""
    StrCpy $python ${PYTHON_FETCHED}
    !insertmacro Step "Fetching Python ${PYTHON_FETCHED}, about 35 MB"
    !insertmacro Do '"$EXEDIR\uv.exe" python install --no-bin --no-registry ${PYTHON_FETCHED}'
    !insertmacro SetVariable UV_MANAGED_PYTHON 1
  ${Else}
    !insertmacro Step "Python: $python"
  ${EndIf}

  !insertmacro Step "Making an environment"
  RMDir /r "$part"
  !insertmacro Do '"$EXEDIR\uv.exe" venv --relocatable --python "$python" "$part"'

  !insertmacro Step "Checking the installation"
  Push '"$part\Scripts\python.exe" -I "$EXEDIR\check.py" "$EXEDIR"'
  Call Run
  Pop $0
  ${If} $0 != 0
    StrCpy $what "Hearth's own files are damaged."
    StrCpy $now "Install Hearth again: what you downloaded is fine, what is on disk is not."
    Return
  ${EndIf}

  !define INSTALL '"$EXEDIR\uv.exe" pip install --python "$part\Scripts\python.exe" --compile-bytecode --require-hashes --no-deps --only-binary :all: --requirement'
  SetOutPath "$EXEDIR" ; where app.txt finds its wheel
  !insertmacro Step "Fetching the libraries, about 150 MB$sources"
  !insertmacro Do '${INSTALL} requirements.txt'
  !insertmacro Step "Installing Hearth"
  !insertmacro Do '${INSTALL} app.txt'
  SetOutPath "$PROFILE"

  !insertmacro Step "Trying it out"
  !insertmacro Do '"$part\Scripts\python.exe" -m desktop --version'
  !insertmacro Do '"$part\Scripts\python.exe" -c "import desktop.compose, PySide6.QtWidgets"'

  !insertmacro Step "Putting it in place"
  Call PutInPlace
FunctionEnd

Function PutInPlace
  StrCpy $R0 ""
  ClearErrors
  FileOpen $0 "${RUNTIME}\newest" r
  ${IfNot} ${Errors}
    FileRead $0 $R0
    FileClose $0
  ${EndIf}
  ${If} ${FileExists} "$environment\*.*"
    RMDir /r "$environment.old"
    Push "$environment.old"
    Push "$environment"
    Call RenameFolder
  ${EndIf}
  Push "$environment"
  Push "$part"
  Call RenameFolder
  ${If} $what != ""
    Return
  ${EndIf}
  FileOpen $0 "${RUNTIME}\newest" w
  FileWrite $0 "env-${ID}"
  FileClose $0
  ; The one before stays: it is what an update goes back to. One that runs cannot be renamed, and stays too.
  FindFirst $0 $1 "${RUNTIME}\env-*"
  ${DoWhile} $1 != ""
    ${If} $1 != "env-${ID}"
    ${AndIf} $1 != $R0
      Rename "${RUNTIME}\$1" "${RUNTIME}\gone"
      RMDir /r "${RUNTIME}\gone"
    ${EndIf}
    FindNext $0 $1
  ${Loop}
  FindClose $0
FunctionEnd

; Pops a folder, and the name it gets. A scanner that looks at new files holds them for moments.
Function RenameFolder
  Pop $0
  Pop $1
  StrCpy $2 0
  ${Do}
    ClearErrors
    Rename "$0" "$1"
    ${IfNot} ${Errors}
      Return
    ${EndIf}
    Sleep 500
    IntOp $2 $2 + 1
  ${LoopUntil} $2 > 20
  !insertmacro Write "$0 could not be renamed"
  StrCpy $what "Windows does not give a folder free: $0."
  StrCpy $now "A virus scanner may be looking at it, or Hearth may run: try again, or restart the computer."
FunctionEnd
