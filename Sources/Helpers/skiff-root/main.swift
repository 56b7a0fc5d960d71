import CLinux
import RootSupervisor

exit(RootProgram.run(CommandLine.arguments))
