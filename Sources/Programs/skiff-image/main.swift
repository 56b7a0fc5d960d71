import CLinux

// Started by skiff with the command's words as they were typed; see `Program`.
exit(Program(Array(CommandLine.arguments.dropFirst())).run())
