import CLinux
import Linux

// Started by skiff with the image on descriptor 3 and the control socket on 4; see `Control`.
exit(ImageServer.run(Array(processArguments().dropFirst())))
