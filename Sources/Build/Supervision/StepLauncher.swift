import Base
import CLinux
import Core
import Linux

/// A process that stays outside of the user namespace of the build, and starts `skiff` for each step.
///
/// A program that is executed inside of the namespace can be looked into by everything that runs there as root, `%post` for
/// one. One that is executed outside, and joins, cannot: so the launch of a step, which has the host's directories open,
/// begins out here. What a step leaves running ends with it.
package enum StepLauncher {
    /// Messages to it, one byte with a descriptor. `go` is answered by five bytes: how the step ended.
    private enum Message: UInt8 {
        case user = 0x55
        case mount = 0x4D
        case request = 0x52
        case supervisor = 0x53
        case go = 0x47
    }

    private enum Ending: UInt8 {
        case exited = 0x45
        case signaled = 0x53
        case failed = 0x46
    }

    /// Starts it. Must be called before the namespace is entered, in a process of one thread.
    ///
    /// - Returns: a socket, kept open until the builder ends; the launcher ends with it.
    static func start(_ installation: Installation) throws(SkiffError) -> CInt {
        try during("cannot start the launcher of the build's steps") { () throws(Errno) in
            let pair = try makeSocketPair()
            let builder = processID()
            let pid = try cloneProcess()
            if pid == 0 {
                guard (try? setParentDeathSignal(SIGKILL)) != nil, parentProcessID() == builder else { _exit(255) }
                _ = dup2(pair.second, Place.socket)
                try? setInherited(Place.socket, false)
                closeDescriptors(except: [Place.socket])
                serve(installation)
            }
            _ = close(pair.second)
            return try OwnedFD(adopting: pair.first).duplicate().release()
        }
    }

    // MARK: the builder's part

    /// - Parameters:
    ///   - launcher: what `start` answered.
    ///   - supervisor: serves one handing over to skiff-root.
    ///   - isInside: whether this process lives in a user namespace of the build.
    static func run(
        _ request: borrowing OwnedFD, over launcher: CInt, supervisor: borrowing OwnedFD?, isInside: Bool
    ) throws(SkiffError) -> ExitStatus {
        let answer: [UInt8]
        do throws(Errno) {
            if isInside {
                let user = try open("/proc/self/ns/user", O_RDONLY)
                try send(.user, user.raw, launcher)
            }
            let mount = try open("/proc/self/ns/mnt", O_RDONLY)
            try send(.mount, mount.raw, launcher)
            switch supervisor {
            case .some(let socket): try send(.supervisor, socket.raw, launcher)
            case .none: break
            }
            try send(.request, request.raw, launcher)
            try send(.go, nil, launcher)
            answer = try receiveMessage(over: launcher).bytes
        } catch {
            throw SkiffError("cannot hand a step to its launcher", errno: error)
        }
        guard answer.count == 5, let ending = Ending(rawValue: answer[0]) else {
            throw SkiffError("cannot run a step: its launcher has ended")
        }
        let number = CInt(answer[1...].reversed().reduce(0) { $0 << 8 | UInt32($1) })
        switch ending {
        case .exited: return .exited(number)
        case .signaled: return .signaled(number)
        case .failed: throw SkiffError("cannot start skiff for a step", errno: Errno(number))
        }
    }

    private static func send(_ message: Message, _ descriptor: CInt?, _ launcher: CInt) throws(Errno) {
        try sendMessage([message.rawValue], descriptor: descriptor, over: launcher)
    }

    // MARK: the launcher's part

    /// Numbers of descriptors: of the socket here, of the others in `skiff`.
    private enum Place {
        static let socket: CInt = 3
        static let request: CInt = 3
        static let supervisor: CInt = ScriptRunner.supervisorNumber
        static let user: CInt = 5
        static let mount: CInt = 6
    }

    private static func serve(_ installation: Installation) -> Never {
        guard (try? becomeSubreaper()) != nil, let own = try? status("/proc/self/ns/mnt") else { _exit(255) }
        var held: [(place: CInt, descriptor: CInt)] = []
        while let message = try? receive(), let kind = message.kind {
            let place: CInt
            switch kind {
            case .user: place = Place.user
            case .mount: place = Place.mount
            case .request: place = Place.request
            case .supervisor: place = Place.supervisor
            case .go:
                answer(launch(installation, held))
                for entry in held { _ = close(entry.descriptor) }
                held = []
                continue
            }
            guard let descriptor = message.descriptor else { continue }
            // Root's builds may never have left our mount namespace, and then have no right to join it either.
            if kind == .mount, let theirs = try? status(of: descriptor), theirs.inode == own.inode {
                _ = close(descriptor)
            } else {
                held.append((place, descriptor))
            }
        }
        _exit(0)
    }

    private static func receive() throws(Errno) -> (kind: Message?, descriptor: CInt?) {
        var message = try receiveMessage(over: Place.socket)
        let kind = message.bytes.first.flatMap { Message(rawValue: $0) }
        guard let descriptor = message.descriptor.take() else { return (kind, nil) }
        // Far from the places: one dup2(2) must not overwrite what the next one copies.
        return (kind, try descriptor.duplicate().release())
    }

    private static func launch(_ installation: Installation, _ held: [(place: CInt, descriptor: CInt)]) -> [UInt8] {
        func word(_ place: CInt) -> String { held.contains { $0.place == place } ? String(place) : "-" }
        let words = ["skiff", "__launch", word(Place.request), word(Place.user), word(Place.mount)]
        do throws(Errno) {
            let pid = try spawn(
                installation.launcher, words, environment: environmentStrings(),
                descriptors: held.map { ($0.place, $0.descriptor) })
            guard let ended = try waitFor(pid) else { throw .noChild }
            endDescendants()
            switch ended.status {
            case .exited(let code): return bytes(.exited, code)
            case .signaled(let signal), .stopped(let signal): return bytes(.signaled, signal)
            }
        } catch {
            return bytes(.failed, error.rawValue)
        }
    }

    private static func bytes(_ ending: Ending, _ number: CInt) -> [UInt8] {
        [ending.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: UInt32(bitPattern: number) >> ($0 * 8)) }
    }

    private static func answer(_ bytes: [UInt8]) {
        guard (try? sendMessage(bytes, over: Place.socket)) != nil else { _exit(255) }
    }
}

/// Kills all that this process has started and what came to it as subreaper, until nothing is left.
func endDescendants() {
    while true {
        let left = children(of: processID())
        if left.isEmpty { return }
        for child in left {
            try? sendSignal(SIGKILL, to: child)
            _ = try? waitFor(child)
        }
    }
}
