import Base
import CLinux
import Linux

/// A launch into a container that several processes share.
extension Launcher {
    /// Enters the container, after making it if this process is the first of its siblings.
    func runShared(_ sharing: Sharing, image: CInt?) throws(SkiffError) -> ExitStatus {
        let place: MeetingPlace
        do throws(SkiffError) {
            place = try MeetingPlace(sharing.name)
        } catch {
            if sharing.isAsked { throw error }
            Log.verbose("not sharing the container with others of this job: \(error.message)")
            if let image { try lock(image) }
            return try runAlone(image: image)
        }
        var joining = self
        var way = try place.connect()
        if way == nil {
            guard try startKeeper(place, image) else {
                place.giveUp()
                return .exited(255)
            }
            joining.plan.environment.set("APPTAINER_SHARENS_MASTER", "1", origin: "the first of a shared container")
            joining.plan.environment.set("SINGULARITY_SHARENS_MASTER", "1", origin: "the first of a shared container")
            way = try place.connect()
        }
        guard let socket = way else { throw SkiffError("cannot enter the shared container: its keeper has ended") }
        let namespaces = try during("cannot enter the shared container") { () throws(Errno) in
            try ContainerNamespaces.receive(over: socket.raw)
        }
        try? socket.close()
        try? place.unlock()
        return try joining.join(namespaces)
    }

    private func join(_ namespaces: ContainerNamespaces) throws(SkiffError) -> ExitStatus {
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

    /// Starts the keeper and waits until the container is set up.
    /// - Returns: false when that failed; the keeper has said why.
    private func startKeeper(_ place: borrowing MeetingPlace, _ image: CInt?) throws(SkiffError) -> Bool {
        let pair = try during("cannot make a socket") { () throws(Errno) in try makeSocketPair() }
        let ours = OwnedFD(adopting: pair.first)
        let theirs = OwnedFD(adopting: pair.second)
        // The keeper must be nobody's child: the program that this process becomes has started nothing.
        let between = try during("cannot start the keeper of the container") { () throws(Errno) in try cloneProcess() }
        if between == 0 {
            if (try? cloneProcess()) != 0 { _exit(0) }
            keep(place, image, starter: theirs.raw)
        }
        try? theirs.close()
        _ = try? waitFor(between)
        let answer = try during("cannot start the keeper of the container") { () throws(Errno) in
            try receiveMessage(over: ours.raw)
        }
        return answer.bytes == Self.stands
    }

    /// From the keeper: the container is set up.
    private static let stands: [UInt8] = [UInt8(ascii: "R")]

    private func keep(_ place: borrowing MeetingPlace, _ image: CInt?, starter: CInt) -> Never {
        do throws(SkiffError) {
            setProcessName("skiff-keeper")
            if let image { try lock(image) }
            let listener = try place.listen()
            try during("cannot block signals") { () throws(Errno) in _ = try setSignalMask(.all) }
            let pair = try during("cannot make a socket") { () throws(Errno) in try makeSocketPair() }
            var making = self
            making.part = .container(keeper: pair.second)
            var helpers = LaunchHelpers(plan)
            if try helpers.start(plan, installation, image: image) != nil { _exit(255) }
            let child = try StartedChild(making, image: image, links: helpers.links)
            helpers.childIsMade()
            _ = CLinux.close(pair.second)
            guard let namespaces = try? ContainerNamespaces.receive(over: pair.first) else {
                // The child has said why.
                _ = try? waitFor(child.pid)
                helpers.shutDown(after: .exited(0))
                _exit(255)
            }
            let hasInit = plan.namespaces.contains(.pid)
            if !hasInit { _ = try? waitFor(child.pid) }
            detachFromCaller(
                keeping: [starter, listener.raw] + helpers.descriptors + namespaces.descriptors
                    + [image].compactMap { $0 })
            try? sendMessage(Self.stands, over: starter)
            _ = CLinux.close(starter)
            Keeper(listener, place.keepsakes, namespaces).serve()
            namespaces.close()
            if hasInit {
                try? sendSignal(SIGKILL, to: child.pid)
                _ = try? waitFor(child.pid)
            }
            helpers.shutDown(after: .exited(0))
            _exit(0)
        } catch {
            report(error)
            _exit(255)
        }
    }
}
