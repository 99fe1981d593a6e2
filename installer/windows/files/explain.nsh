; What went wrong in the last step, in words, from what the last program said.

!define FULL 1
!define FORGED 2
!define UNTRUSTED 3
!define OFFLINE 4
!define MISSING 5
!define IN_USE 6
!define UNKNOWN 9

; A word in the line $R1 tells the reason; the most telling, which is the smallest, counts.
!macro Tells needle reason
  ${If} $R2 > ${reason}
    ${StrStr} $R3 $R1 "${needle}"
    ${If} $R3 != ""
      StrCpy $R2 ${reason}
    ${EndIf}
  ${EndIf}
!macroend

Function Explain
  StrCpy $R2 ${UNKNOWN}
  FileSeek $out 0
  ${Do}
    ClearErrors
    FileRead $out $R1
    ${If} ${Errors}
      ${ExitDo}
    ${EndIf}
    StrCpy $R3 $R1 4
    ${If} $R3 == "--- "
      StrCpy $R2 ${UNKNOWN} ; another step begins
    ${EndIf}
    !insertmacro Tells "No space left" ${FULL}
    !insertmacro Tells "os error 112" ${FULL}
    !insertmacro Tells "ash mismatch" ${FORGED}
    !insertmacro Tells "invalid peer certificate" ${UNTRUSTED}
    !insertmacro Tells "UnknownIssuer" ${UNTRUSTED}
    !insertmacro Tells "dns error" ${OFFLINE}
    !insertmacro Tells "error sending request" ${OFFLINE}
    !insertmacro Tells "rror trying to connect" ${OFFLINE}
    !insertmacro Tells "onnection refused" ${OFFLINE}
    !insertmacro Tells "timed out" ${OFFLINE}
    !insertmacro Tells "etwork is unreachable" ${OFFLINE}
    !insertmacro Tells "Failed to fetch" ${OFFLINE}
    !insertmacro Tells "Failed to download" ${OFFLINE}
    !insertmacro Tells "Could not connect" ${OFFLINE}
    !insertmacro Tells "No solution found" ${MISSING}
    !insertmacro Tells "not found in the " ${MISSING}
    !insertmacro Tells "no usable wheels" ${MISSING}
    !insertmacro Tells "os error 5)" ${IN_USE}
    !insertmacro Tells "os error 32)" ${IN_USE}
  ${Loop}
  FileSeek $out 0 END
  StrCpy $now "The reason is at the end of the log."
  ${Select} $R2
  ${Case} ${FULL}
    StrCpy $what "The disk is full."
    StrCpy $now "Make room on the disk with your user folder."
  ${Case} ${FORGED}
    StrCpy $what "A library came with other content than it should have, and was not installed."
    StrCpy $now "Something between here and its source changed it, perhaps a proxy or a mirror. Try another network. If it is Hearth's own file, install Hearth again."
  ${Case} ${UNTRUSTED}
    StrCpy $what "The connection is not what it says it is: its certificate was refused."
    StrCpy $now "Where a company's proxy reads along, its certificate must be in the system's list."
  ${Case} ${OFFLINE}
    StrCpy $what "There is no way to the libraries: the network does not answer."
    StrCpy $now "Check the internet connection. What was fetched is kept."
  ${Case} ${MISSING}
    StrCpy $what "A library is missing$sources."
    StrCpy $now "Look for its name in the log."
  ${Case} ${IN_USE}
    StrCpy $what "Windows does not give a file free."
    StrCpy $now "A virus scanner may be looking at it: try again. If that does not help, restart the computer."
  ${CaseElse}
    StrCpy $what "It did not work: step $number, $words."
  ${EndSelect}
FunctionEnd
