; Runs programs with their output in the log; none of them outlives this one.

; Whatever is started ends with this program, also when it is killed: a leftover would write beside the next try.
Function HoldChildren
  System::Call 'kernel32::CreateJobObjectW(p 0, p 0) p .r0'
  StrCpy $job $0
  Push 0x2000 ; JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
  Call LimitJob
  System::Call 'kernel32::GetCurrentProcess() p .r0'
  System::Call 'kernel32::AssignProcessToJobObject(p $job, p r0)'
FunctionEnd

; The app, which is started in the end, has to outlive this program.
Function ReleaseChildren
  Push 0
  Call LimitJob
FunctionEnd

Function LimitJob
  Pop $0
  ; JOBOBJECT_EXTENDED_LIMIT_INFORMATION: 144 bytes, its LimitFlags at 16.
  System::Call '*(&i16 0, i r0, &i124 0) p .r1'
  System::Call 'kernel32::SetInformationJobObject(p $job, i 9, p r1, i 144)'
  System::Free $1
FunctionEnd

; Makes the log anew and keeps it open in $out. What is started inherits it, and writes where we and others stopped.
Function OpenLog
  ; SECURITY_ATTRIBUTES: children inherit the handle.
  System::Call '*(i 24, i 0, p 0, i 1, i 0) p .r0'
  System::Call 'kernel32::CreateFileW(w "$log", i 0xC0000000, i 3, p r0, i 2, i 0x80, p 0) p .r1'
  StrCpy $out $1
  System::Call 'kernel32::CreateFileW(w "NUL", i 0x80000000, i 3, p r0, i 3, i 0x80, p 0) p .r1'
  StrCpy $nothing $1
  System::Free $0
FunctionEnd

Function CloseLog
  System::Call 'kernel32::CloseHandle(p $out)'
  System::Call 'kernel32::CloseHandle(p $nothing)'
FunctionEnd

; Pops a command line, runs it, pushes its exit status; "error" if it could not be started. While it runs, Progress is
; called every half second. What it prints goes into the log. Changes $0 to $5.
Function Run
  Pop $5
  ; STARTUPINFOW, 104 bytes, with STARTF_USESTDHANDLES; PROCESS_INFORMATION, 24.
  System::Call '*(i 104, i 0, p 0, p 0, p 0, i 0, i 0, i 0, i 0, i 0, i 0, i 0, i 0x100, i 0, i 0, p 0, p $nothing, p $out, p $out) p .r1'
  System::Call '*(p 0, p 0, i 0, i 0) p .r2'
  ; CREATE_NO_WINDOW
  System::Call 'kernel32::CreateProcessW(p 0, w r5, p 0, p 0, i 1, i 0x08000000, p 0, p 0, p r1, p r2) i .r0'
  ${If} $0 == 0
    StrCpy $0 error
  ${Else}
    System::Call '*$2(p .r3, p .r4)'
    System::Call 'kernel32::CloseHandle(p r4)'
    ${Do}
      System::Call 'kernel32::WaitForSingleObject(p r3, i 500) i .r0'
      ${If} $0 != 258 ; WAIT_TIMEOUT
        ${ExitDo}
      ${EndIf}
      Call Progress
    ${Loop}
    System::Call 'kernel32::GetExitCodeProcess(p r3, *i .r0)'
    System::Call 'kernel32::CloseHandle(p r3)'
  ${EndIf}
  System::Free $1
  System::Free $2
  Push $0
FunctionEnd

!macro Write text
  FileWrite $out "${text}$\r$\n"
!macroend
