import CLinux

exit(RootProgram.run(CommandLine.arguments))
