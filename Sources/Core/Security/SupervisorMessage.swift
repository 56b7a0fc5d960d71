/// The messages to and from skiff-root: the first byte of each, with a descriptor where one is named.
///
/// Two kinds of sockets lead to it. The control socket is held by the process that started it, and by no other. A
/// launch gets a socket that serves one handover: its other end is closed when a listener has come.
package enum SupervisorMessage: UInt8, Sendable {
    /// With a user namespace, to be joined before anything is answered; once.
    case namespace = 0x4E
    /// On the control socket, with the socket of a launch.
    case handover = 0x48
    /// Who the process is to become (`ProgramUser`); answered by `accepted` and the limit that stands for it.
    case identity = 0x49
    /// With the listener of a filter. Owners are kept on the root file system of the container only.
    case listenOnRoot = 0x4C
    /// With the listener of a filter. Owners are kept wherever they can be.
    case listenOnEverything = 0x45
    /// The listener has arrived and is answered.
    case accepted = 0x41
    /// On the control socket: is anybody left to be answered? The answer is `gone`, and skiff-root ends, or `busy`.
    case question = 0x51
    case gone = 0x47
    case busy = 0x42

    /// Room for a user with all groups that Linux allows, NGROUPS_MAX.
    package static let limit = 1 << 19
}

/// What goes along with a listener: the root file system of the container. skiff-root could not look it up: it may not look
/// into a process that has not executed anything yet.
package struct SupervisedRoot: Sendable, Equatable {
    /// As statx(2) numbers it; 0 where it does not.
    package var mount: UInt64
    package var device: UInt64

    package init(mount: UInt64, device: UInt64) { (self.mount, self.device) = (mount, device) }

    package init?(_ bytes: some Collection<UInt8>) {
        let numbers = Self.numbers(bytes, width: 8)
        guard bytes.count == 16, numbers.count == 2 else { return nil }
        self.init(mount: numbers[0], device: numbers[1])
    }

    package var bytes: [UInt8] { Self.bytes([mount, device], width: 8) }

    static func bytes(_ numbers: [UInt64], width: Int) -> [UInt8] {
        numbers.flatMap { number in (0..<width).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
    }

    static func numbers(_ bytes: some Collection<UInt8>, width: Int) -> [UInt64] {
        let bytes = Array(bytes)
        return stride(from: 0, to: bytes.count - bytes.count % width, by: width).map { place in
            bytes[place..<place + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}

extension ProgramUser {
    package var message: [UInt8] { SupervisedRoot.bytes(([uid, gid] + groups).map { UInt64($0) }, width: 4) }

    package init?(message bytes: some Collection<UInt8>) {
        let numbers = SupervisedRoot.numbers(bytes, width: 4).map { UInt32(truncatingIfNeeded: $0) }
        guard bytes.count % 4 == 0, numbers.count >= 2 else { return nil }
        self.init(uid: numbers[0], gid: numbers[1], groups: Array(numbers.dropFirst(2)))
    }
}
