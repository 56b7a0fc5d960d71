package import Base
package import CLinux
import Core
import Linux

/// What an OCI runtime does with containers; its runtime specification, "Lifecycle".
package struct BundleRuntime {
    package let store: ContainerStore
    private let installation: Installation
    private let makesScopes: Bool

    /// - Parameter makesScopes: whether systemd makes the cgroups of containers.
    package init(_ store: ContainerStore, _ installation: Installation, makesScopes: Bool = false) {
        (self.store, self.installation, self.makesScopes) = (store, installation, makesScopes)
    }

    /// How a program is connected to who starts it.
    package struct Connections {
        /// The path of a socket that gets the master of the program's terminal.
        package var consoleSocket: String?
        /// Descriptors that the program gets besides 0 to 2.
        package var kept: [Int32] = []
        /// Gets the number of the process.
        package var pidFile: String?
        /// Whether the keys of the caller's session are the program's, too.
        package var keepsKeyring = false
        /// Whether the command waits for the program.
        package var isWaitedFor = false

        package init() {}
    }

    // MARK: - create

    /// Makes a container, whose program waits for `start`.
    /// - Returns: its first process.
    package func create(_ id: String, bundle: String, _ connections: Connections) throws(SkiffError) -> pid_t {
        let bundle = try absolutePath(bundle)
        let bytes = try during("cannot read \(bundle)/config.json") { () throws(Errno) in
            try readFile(bundle + "/config.json", limit: 16 << 20)
        }
        let configuration = try BundleConfiguration(parsing: bytes, file: bundle + "/config.json")
        guard let process = configuration.process else {
            throw SkiffError("cannot use \(bundle)/config.json: process is missing")
        }
        let container = try store.make(id)
        do throws(SkiffError) {
            try container.lock(to: "create")
            try container.keep(configuration: bytes)
            return try Creation(
                container, configuration, process, bundle, installation, hasScope: makesScopes
            ).run(connections)
        } catch {
            try? container.remove()
            store.removeIfEmpty()
            throw error
        }
    }

    // MARK: - start, state, kill, delete

    package func start(_ id: String) throws(SkiffError) {
        let container = try store.find(id)
        try container.lock(to: "start")
        let record = try container.record()
        let status = container.status(record, isOurs: true)
        guard status == .created else {
            throw SkiffError("cannot start container \(id): it is \(status.rawValue)")
        }
        try container.openGate()
        guard let record else { return }
        let configuration = try container.configuration()
        let state = record.state(of: id, .running, annotations: configuration.annotations)
        for hook in configuration.hooks[.poststart] ?? [] {
            // The program runs: what is told now, is told only.
            do throws(SkiffError) { try HookRun(hook).run(state: state.text().bytes) } catch { Log.warning("\(error)") }
        }
    }

    package func state(_ id: String) throws(SkiffError) -> JSONText {
        let container = try store.find(id)
        let record = try container.record()
        let annotations = (try? container.configuration().annotations) ?? []
        return (record ?? ContainerRecord()).state(of: id, container.status(record), annotations: annotations)
    }

    /// Sends a signal to the first process, or to all.
    package func kill(_ id: String, _ signal: CInt, all: Bool) throws(SkiffError) {
        let container = try store.find(id)
        let record = try container.record()
        if all, let record {
            // A fork may be faster than one look; one that is frozen takes a signal when it goes on.
            for _ in 0..<(signal == SIGKILL ? 20 : 1) {
                let processes = NamedCgroup.processes(in: record.cgroups)
                if processes.isEmpty { break }
                for pid in processes { try? sendSignal(signal, to: pid) }
                if signal == SIGKILL {
                    if NamedCgroup.isFrozen(record.cgroups) { try NamedCgroup.freeze(record.cgroups, false) }
                    pause(milliseconds: 5)
                }
            }
        }
        guard let first = record?.first, let process = first.open() else {
            if all { return }
            throw SkiffError("cannot kill container \(id): container not running", code: .command)
        }
        try during("cannot send signal \(signal) to container \(id)") { () throws(Errno) in
            try sendSignal(signal, to: process)
        }
        if signal == SIGKILL, let record, NamedCgroup.isFrozen(record.cgroups) {
            try NamedCgroup.freeze(record.cgroups, false)
        }
    }

    /// - Parameter force: whether one that runs is killed, and one that is not there no error.
    package func delete(_ id: String, force: Bool) throws(SkiffError) {
        let container: ContainerDirectory
        do throws(SkiffError) {
            container = try store.find(id)
        } catch {
            if force, error.errno == nil, ContainerStore.isName(id) { return }
            throw error
        }
        try container.lock(to: "delete")
        let record: ContainerRecord?
        do throws(SkiffError) { record = try container.record() } catch {
            guard force else { throw error }
            record = nil
        }
        let status = container.status(record, isOurs: true)
        guard force || status == .stopped || status == .created else {
            throw SkiffError(
                "cannot delete container \(id): it is \(status.rawValue)", hint: "Kill it first, or use --force")
        }
        if let record { try end(record, id) } else { container.closeGate() }
        let configuration = try? container.configuration()
        try container.remove()
        store.removeIfEmpty()
        guard let record, let configuration else { return }
        let state = record.state(of: id, .stopped, annotations: configuration.annotations)
        for hook in configuration.hooks[.poststop] ?? [] {
            do throws(SkiffError) { try HookRun(hook).run(state: state.text().bytes) } catch { Log.warning("\(error)") }
        }
    }

    /// Ends what is left of a container, and removes its cgroups.
    private func end(_ record: ContainerRecord, _ id: String) throws(SkiffError) {
        if NamedCgroup.isFrozen(record.cgroups) { try? NamedCgroup.freeze(record.cgroups, false) }
        if let process = record.first?.open() {
            try? sendSignal(SIGKILL, to: process)
            // Readable when it has ended, whoever waits for it.
            guard (try? waitReadable(process.raw, milliseconds: 10_000)) == true else {
                throw SkiffError("cannot delete container \(id): its first process does not end")
            }
        }
        for _ in 0..<100 {
            let left = NamedCgroup.processes(in: record.cgroups)
            if left.isEmpty { break }
            for pid in left { try? sendSignal(SIGKILL, to: pid) }
            pause(milliseconds: 10)
        }
        NamedCgroup.remove(record.madeCgroups)
    }

    // MARK: - exec and the rest

    /// Starts a program in a container.
    /// - Parameter make: makes the program, given that of the container.
    /// - Returns: its process.
    package func exec(
        _ id: String, _ connections: Connections, _ make: (BundleProcess?) throws(SkiffError) -> BundleProcess
    ) throws(SkiffError) -> pid_t {
        let container = try store.find(id)
        let record = try container.record()
        let status = container.status(record)
        guard status == .running || status == .created, let record, let first = record.first else {
            throw SkiffError("cannot start a program in container \(id): it is \(status.rawValue)")
        }
        let configuration = try container.configuration()
        let process = try make(configuration.process)
        return try Entry(configuration, record, first, installation).run(id, process, connections)
    }

    /// Returns the numbers of all processes in a container.
    package func processes(_ id: String) throws(SkiffError) -> [pid_t] {
        let container = try store.find(id)
        guard let record = try container.record(), let first = record.first, first.isRunning else { return [] }
        guard record.cgroups.isEmpty else { return NamedCgroup.processes(in: record.cgroups) }
        return family(of: first.pid)
    }

    package func freeze(_ id: String, _ isFrozen: Bool) throws(SkiffError) {
        let container = try store.find(id)
        try container.lock(to: isFrozen ? "pause" : "resume")
        let record = try container.record()
        let status = container.status(record, isOurs: true)
        guard status == (isFrozen ? .running : .paused), let record else {
            throw SkiffError("cannot \(isFrozen ? "pause" : "resume") container \(id): it is \(status.rawValue)")
        }
        try NamedCgroup.freeze(record.cgroups, isFrozen)
    }

    // MARK: - limits and use

    /// Changes limits of a container.
    /// - Parameters:
    ///   - resources: an object as `linux.resources` of config.json.
    ///   - file: for messages.
    package func update(_ id: String, _ resources: [UInt8], file: String) throws(SkiffError) {
        let limits = try ResourceReader(try ConfigurationNode(parsing: resources, file: file)).limits()
        if let rule = limits.first(where: { $0.name == .device }) {
            throw SkiffError(
                "cannot change \(rule.cause.reason) of a container that runs: devices are given at its start")
        }
        let container = try store.find(id)
        try container.lock(to: "update")
        let record = try container.record()
        let status = container.status(record, isOurs: true)
        guard status != .stopped, let record, let first = record.first, first.isRunning else {
            throw SkiffError("cannot update container \(id): it is \(status.rawValue)")
        }
        if record.cgroups.isEmpty, let limit = limits.first {
            throw SkiffError("cannot set \(limit.text): container \(id) has no cgroup")
        }
        try NamedCgroup.change(limits, of: first.pid, in: record.cgroups)
    }

    /// What a container uses; nil when it has ended.
    package func usage(_ id: String) throws(SkiffError) -> ContainerUsage? {
        let container = try store.find(id)
        guard let record = try container.record(), let first = record.first, first.isRunning else { return nil }
        guard !record.cgroups.isEmpty else {
            throw SkiffError("cannot tell what container \(id) uses: it has no cgroup")
        }
        return ContainerUsage { NamedCgroup.text($0, in: record.cgroups) }
    }

    /// Removes a container that this command has waited for.
    package func remove(_ id: String) throws(SkiffError) { try delete(id, force: true) }
}

extension BundleRuntime.Connections {
    /// Connects the terminal of a program.
    func connect(_ process: BundleProcess, _ plan: inout Plan) throws(SkiffError) {
        plan.bundle?.kept = kept
        plan.bundle?.keepsKeyring = keepsKeyring
        plan.bundle?.endsWithCommand = isWaitedFor
        guard process.hasTerminal else {
            if consoleSocket != nil {
                throw SkiffError(
                    "cannot use --console-socket: the program has no terminal", hint: "Set process.terminal, or --tty")
            }
            return
        }
        guard let consoleSocket else {
            throw SkiffError(
                "cannot give the program a terminal: nobody takes its other end",
                hint: "Name a socket with --console-socket, or leave process.terminal and --tty out")
        }
        let socket = try during("cannot connect to the console socket \(consoleSocket)") { () throws(Errno) in
            try Linux.connect(to: consoleSocket, seqpacket: false)
        }
        plan.bundle?.terminal = .init(console: socket.release(), size: process.size)
    }

    func writePid(_ pid: pid_t) throws(SkiffError) {
        guard let pidFile else { return }
        // Readers find the whole number or no file.
        try during("cannot write \(pidFile)") { () throws(Errno) in
            try AtomicFile.replace(pidFile, String(pid).bytes, mode: 0o644, durable: false)
        }
    }
}
