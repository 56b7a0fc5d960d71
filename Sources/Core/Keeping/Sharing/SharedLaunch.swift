import Base
import CLinux
import Linux

/// A launch into a container that several processes share.
extension Launcher {
    /// Enters the container, after making it if this process is the first of its siblings.
    func runShared(_ sharing: Sharing, image: CInt?) throws(SkiffError) -> ExitStatus {
        let place: MeetingPlace
        do throws(SkiffError) {
            place = try MeetingPlace(MeetingAddress(name: sharing.name))
        } catch {
            if sharing.isAsked { throw error }
            Log.verbose("not sharing the container with others of this job: \(error.message)")
            try lockImages(image)
            return try runAlone(image: image)
        }
        var joining = self
        var way = try place.address.connect()
        if way == nil {
            let address = place.address
            let answer = try startKeeper { starter in keepShared(address, image, starter) }
            guard answer == Self.stands else {
                place.giveUp()
                return .exited(255)
            }
            joining.plan.environment.set("APPTAINER_SHARENS_MASTER", "1", origin: "the first of a shared container")
            joining.plan.environment.set("SINGULARITY_SHARENS_MASTER", "1", origin: "the first of a shared container")
            way = try place.address.connect()
        }
        guard let socket = way else { throw SkiffError("cannot enter the shared container: its keeper has ended") }
        let namespaces = try during("cannot enter the shared container") { () throws(Errno) in
            try ContainerNamespaces.receive(over: socket.raw)
        }
        try? socket.close()
        try? place.unlock()
        return try joining.join(namespaces)
    }

    /// Starts the program in a container that stands.
    func join(_ namespaces: ContainerNamespaces) throws(SkiffError) -> ExitStatus {
        var joining = self
        joining.part = .program(namespaces)
        // What exists already is neither started nor mounted again.
        joining.plan.image.driver = .directory
        joining.plan.process = joiningNeedsMonitor ? .monitored : .inPlace
        return try joining.runAlone(image: nil)
    }

    private var joiningNeedsMonitor: Bool {
        plan.namespaces.contains(.pid) || plan.root?.supervisor == .own
            || plugins.participants.contains(where: \.keepsMonitor)
    }

    /// From the keeper: the container is set up.
    private static let stands: [UInt8] = [UInt8(ascii: "R")]

    /// The keeper's life.
    private func keepShared(_ address: MeetingAddress, _ image: CInt?, _ starter: CInt) -> Never {
        do throws(SkiffError) {
            setProcessName("skiff-keeper")
            try lockImages(image)
            let listener = try address.listen()
            try during("cannot block signals") { () throws(Errno) in _ = try setSignalMask(.all) }
            guard let container = try KeptContainer.make(self, image: image, program: nil, starter: starter)
            else {
                address.removeAbandoned(by: starter)
                _exit(255)
            }
            let hasInit = plan.namespaces.contains(.pid)
            if !hasInit { _ = try? waitFor(container.child.pid) }
            let keeper = try Keeper(listener, address, container.namespaces, until: .lastMember)
            detachFromCaller(
                keeping: [starter] + keeper.descriptors + container.descriptors + [image].compactMap { $0 })
            try? sendMessage(Self.stands, over: starter)
            _ = CLinux.close(starter)
            _ = keeper.serve()
            let namespace = container.child.mountNamespace
            container.end(hasInit: hasInit)
            try plugins.waitForServers { isInUse(namespace) }
            _exit(0)
        } catch {
            report(error)
            _exit(255)
        }
    }

    /// Starts a process that is nobody's child, so that the program that this process may become has started nothing, and
    /// waits for its first message.
    /// - Parameter keep: what that process does, with the socket over which the message goes.
    /// - Returns: the message; empty when the process ended without one.
    private func startKeeper(_ keep: (_ starter: CInt) -> Never) throws(SkiffError) -> [UInt8] {
        let pair = try during("cannot make a socket") { () throws(Errno) in try makeSocketPair() }
        let ours = OwnedFD(adopting: pair.first)
        let theirs = OwnedFD(adopting: pair.second)
        let between = try during("cannot start the keeper of the container") { () throws(Errno) in try cloneProcess() }
        if between == 0 {
            if (try? cloneProcess()) != 0 { _exit(0) }
            _ = close(pair.first)
            keep(theirs.raw)
        }
        try? theirs.close()
        _ = try? waitFor(between)
        return try during("cannot start the keeper of the container") { () throws(Errno) in
            try receiveMessage(over: ours.raw).bytes
        }
    }
}
