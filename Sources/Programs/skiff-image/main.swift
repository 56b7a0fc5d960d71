import CLinux
import Linux

// Started by skiff with the command's words as they were typed; see `Program`.
Inheritance.take()
// Trees may be deep, and layers many.
try? Inheritance.makeRoomForDescriptors()
exit(Program(Array(processArguments().dropFirst())).run())
