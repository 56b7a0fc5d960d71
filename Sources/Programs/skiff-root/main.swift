import CLinux
import Linux

exit(RootProgram.run(processArguments()))
