/// What is said to skiff-root over its control socket: one byte, and a descriptor where one is named.
package enum SupervisorMessage: UInt8, Sendable {
    /// With a user namespace, to be joined before anything is answered.
    case namespace = 0x4E
    /// With the listener of a filter. Owners are kept on the root file system of the container only.
    case listenOnRoot = 0x4C
    /// With the listener of a filter. Owners are kept wherever they can be.
    case listenOnEverything = 0x45
    /// Whether anybody is left to be answered: `gone`, and skiff-root ends, or `busy`.
    case question = 0x51
    case gone = 0x47
    case busy = 0x42
}
