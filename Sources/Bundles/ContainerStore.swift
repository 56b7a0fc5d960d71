package import Base
import CLinux
package import Core
package import Linux

/// Where the containers of this user are kept: a directory for each, which nobody else may enter.
package struct ContainerStore: Sendable {
    package let directory: String
    /// Whether the place is our own, and goes with the last container.
    private let isUsual: Bool

    private static let cure = "Name another directory with --root"

    /// - Parameter root: `--root`; nil for the usual place.
    package init(_ root: String?) throws(SkiffError) {
        isUsual = root == nil
        if let root {
            directory = try absolutePath(root)
        } else if effectiveUID() == 0 && inInitialUserNamespace() {
            directory = "/run/skiff-runtime"
        } else if let runtime = environmentValue("XDG_RUNTIME_DIR"), runtime.hasPrefix("/") {
            directory = runtime + "/skiff-runtime"
        } else {
            directory = "/dev/shm/skiff-\(effectiveUID())/runtime"
        }
    }

    private func open() throws(SkiffError) -> OwnedFD {
        if let parent = parentPath(directory) { try PrivateFiles.current.check(holder: parent, cure: Self.cure) }
        return try PrivateFiles.current.openDirectory(directory, cure: Self.cure)
    }

    /// Whether a name can be that of a container: it names a directory, and stands in messages and in cgroups.
    package static func isName(_ id: String) -> Bool {
        let isPlain = id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2B, 0x2D, 0x2E, 0x5F].contains(byte)
        }
        return isPlain && !id.isEmpty && id.utf8.count <= 255 && id != "." && id != ".."
    }

    private func check(_ id: String) throws(SkiffError) {
        guard Self.isName(id) else {
            throw SkiffError(
                "cannot use container '\(id)': it is no name of a container",
                hint: "Names have up to 255 letters, digits, '_', '+', '-' and '.'")
        }
    }

    /// Makes the directory of a new container, and locks it. Of several that want one name, one gets it.
    package func make(_ id: String) throws(SkiffError) -> ContainerDirectory {
        try check(id)
        var failure = Errno.noSuchFile
        // The last container may take the store with it just now.
        for _ in 0..<10 {
            let store = try open()
            do throws(Errno) {
                try makeDirectory(EntryName(id), mode: 0o700, at: store.raw)
            } catch {
                failure = error
                if error == .noSuchFile { continue }
                break
            }
            return try find(id, in: store)
        }
        if failure == .exists { throw SkiffError("cannot create container \(id): a container of that name exists") }
        throw SkiffError("cannot create container \(id)", errno: failure)
    }

    /// Removes the store of this user where it is empty.
    package func removeIfEmpty() {
        guard isUsual else { return }
        try? removeDirectory(directory)
        if directory.hasPrefix("/dev/shm/"), let parent = parentPath(directory) { try? removeDirectory(parent) }
    }

    package func find(_ id: String) throws(SkiffError) -> ContainerDirectory {
        try check(id)
        // Looking makes nothing.
        guard (try? status(directory, follow: false)) != nil else { throw Self.missing(id) }
        return try find(id, in: try open())
    }

    private static func missing(_ id: String) -> SkiffError {
        SkiffError("cannot find container \(id): container does not exist", errno: nil, code: .command)
    }

    private func find(_ id: String, in store: borrowing OwnedFD) throws(SkiffError) -> ContainerDirectory {
        do throws(Errno) {
            let opened = try Linux.open(try EntryName(id), [.read, .directory, .noFollow], at: store.raw)
            return ContainerDirectory(id: id, path: directory + "/" + id, opened)
        } catch {
            if error == .noSuchFile { throw Self.missing(id) }
            throw SkiffError("cannot find container \(id)", errno: error)
        }
    }

    /// The names of all containers, sorted.
    package func names() throws(SkiffError) -> [String] {
        guard (try? status(directory, follow: false)) != nil else { return [] }
        let store = try open()
        return try during("cannot list \(directory)") { () throws(Errno) in
            try entries(of: store.raw).map(\.text).filter(Self.isName)
        }
    }
}

/// What is known of one container.
package struct ContainerRecord: Sendable, Equatable {
    /// A process that no other one can be taken for: its number, when it started, and which boot that was.
    package struct Process: Sendable, Equatable {
        package var pid: Int32
        package var start: UInt64
        package var boot: String

        /// - Returns: nil for one that has gone.
        package init?(_ pid: Int32) {
            guard let start = startTime(of: pid) else { return nil }
            (self.pid, self.start, boot) = (pid, start, bootName())
        }

        package init(pid: Int32, start: UInt64, boot: String) { (self.pid, self.start, self.boot) = (pid, start, boot) }

        package var isRunning: Bool { boot == bootName() && Linux.isRunning(pid, since: start) }

        /// Returns a descriptor of the very process; nil when it has ended.
        package func open() -> OwnedFD? {
            guard let handle = try? openPidFD(pid), isRunning else { return nil }
            return handle
        }
    }

    /// Nil until the container exists.
    package var first: Process?
    /// In seconds since 1970.
    package var created: Int64 = 0
    package var bundle = ""
    package var root = ""
    package var version = ""
    package var owner: UInt32 = 0
    /// Directories of its cgroup, and all that were made for it.
    package var cgroups: [String] = []
    package var madeCgroups: [String] = []

    package init() {}

    private static let format = "skiff-container/1"

    package var encoded: [UInt8] {
        var writer = FieldWriter(version: Self.format)
        if let first {
            writer.put("pid", String(first.pid))
            writer.put("start", String(first.start))
            writer.put("boot", first.boot)
        }
        writer.put("created", String(created))
        writer.put("bundle", bundle)
        writer.put("root", root)
        writer.put("version", version)
        writer.put("owner", String(owner))
        for cgroup in cgroups { writer.put("cgroup", cgroup) }
        for cgroup in madeCgroups { writer.put("made-cgroup", cgroup) }
        return writer.bytes
    }

    /// - Returns: nil for bytes that `encoded` does not make.
    package init?(encoded bytes: [UInt8]) {
        guard let reader = FieldReader(bytes, version: Self.format), let bundle = reader.value("bundle"),
            let root = reader.value("root"), let version = reader.value("version"),
            let created = reader.value("created").flatMap({ Int64($0) }),
            let owner = reader.value("owner").flatMap({ UInt32($0) })
        else { return nil }
        (self.created, self.bundle, self.root, self.version, self.owner) = (created, bundle, root, version, owner)
        if let pid = reader.value("pid").flatMap({ Int32($0) }), let boot = reader.value("boot"),
            let start = reader.value("start").flatMap({ UInt64($0) }), pid > 0
        {
            first = Process(pid: pid, start: start, boot: boot)
        }
        cgroups = reader.values("cgroup")
        madeCgroups = reader.values("made-cgroup")
    }
}

/// The directory of one container, open.
package final class ContainerDirectory: Sendable {
    package let id: String
    package let path: String
    private let directory: OwnedFD

    package enum Status: String, Sendable { case creating, created, running, paused, stopped }

    private enum Name {
        static let record = "record"
        static let configuration = "config.json"
        static let start = "start"
        static let answer = "answer"
    }

    init(id: String, path: String, _ directory: consuming OwnedFD) {
        (self.id, self.path) = (id, path)
        self.directory = directory
    }

    // MARK: - locking

    /// Locks the container until this process ends; flock(2).
    /// - Throws: while another command changes it.
    package func lock(to purpose: String) throws(SkiffError) {
        let isLocked = try during("cannot lock container \(id)") { () throws(Errno) in
            // Another command is done in a moment, unless it makes the container.
            for _ in 0..<100 {
                if try tryLock(directory.raw) { return true }
                pause(milliseconds: 10)
            }
            return false
        }
        guard isLocked else {
            throw SkiffError("cannot \(purpose) container \(id): another command is at work on it")
        }
        guard try isStillThere() else {
            throw SkiffError("cannot \(purpose) container \(id): it is gone", code: .command)
        }
    }

    private func isStillThere() throws(SkiffError) -> Bool {
        try during("cannot look at \(path)") { () throws(Errno) in
            try Linux.status(of: directory.raw).links > 0
        }
    }

    private var isBeingMade: Bool {
        guard let other = try? Linux.open(".", O_RDONLY | O_DIRECTORY, at: directory.raw) else { return false }
        return (try? tryLock(other.raw)) == false
    }

    // MARK: - files

    package func write(_ record: ContainerRecord) throws(SkiffError) {
        try during("cannot write the state of container \(id)") { () throws(Errno) in
            let name = Name.record + ".new"
            try? unlink(name, at: directory.raw)
            try writeFile(name, record.encoded, mode: 0o600, at: directory.raw, exclusive: true)
            try rename(name, to: Name.record, from: directory.raw, in: directory.raw)
        }
    }

    /// Returns what is known; nil for a container whose making was cut off.
    /// - Throws: for a file that is damaged, or that somebody else can have written.
    package func record() throws(SkiffError) -> ContainerRecord? {
        do throws(Errno) {
            let bytes = try PrivateFiles.current.read(Name.record, at: directory.raw, limit: 1 << 20)
            guard let record = ContainerRecord(encoded: bytes) else { throw .invalidArgument }
            return record
        } catch {
            if error == .noSuchFile { return nil }
            throw SkiffError(
                "cannot read the state of container \(id)", errno: error,
                hint: "The file \(path)/\(Name.record) is damaged: delete --force clears it away")
        }
    }

    package func keep(configuration bytes: [UInt8]) throws(SkiffError) {
        try during("cannot keep the configuration of container \(id)") { () throws(Errno) in
            try writeFile(Name.configuration, bytes, mode: 0o600, at: directory.raw, exclusive: true)
        }
    }

    package func configuration() throws(SkiffError) -> BundleConfiguration {
        let bytes = try during("cannot read the configuration of container \(id)") { () throws(Errno) in
            try PrivateFiles.current.read(Name.configuration, at: directory.raw, limit: 16 << 20)
        }
        return try BundleConfiguration(parsing: bytes, file: path + "/" + Name.configuration)
    }

    // MARK: - the gate

    package func makeGate() throws(SkiffError) -> StartGate {
        try during("cannot make the gate of container \(id)") { () throws(Errno) in
            var ends: [CInt] = []
            for name in [Name.answer, Name.start] {
                try makeNode(name, mode: mode_t(S_IFIFO) | 0o600, at: directory.raw)
                ends.append(try Linux.open(name, O_RDWR | O_NOFOLLOW, at: directory.raw).release())
            }
            return StartGate(start: ends[1], answer: ends[0])
        }
    }

    /// Whether the program waits to be started.
    private var isWaiting: Bool { (try? Linux.status(Name.start, at: directory.raw, follow: false)) != nil }

    /// Starts the program, once.
    /// - Throws: what the container says when it cannot.
    package func openGate() throws(SkiffError) {
        let what = "cannot start container \(id)"
        let said = try during(what) { () throws(Errno) in
            let reading = try Linux.open(Name.answer, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, at: directory.raw)
            // Nobody reads where the container has ended: ENXIO.
            let writing = try Linux.open(Name.start, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, at: directory.raw)
            try unlink(Name.start, at: directory.raw)
            try writeFully(writing.raw, [StartGate.starting])
            var said: [UInt8] = []
            // It ends with the exec of the program, which closes the other end.
            while try waitReadable(reading.raw, milliseconds: -1) {
                let part = try readSome(reading.raw)
                if part.isEmpty { break }
                said += part
            }
            return said
        }
        try? unlink(Name.answer, at: directory.raw)
        if !said.isEmpty { throw SkiffError(String(bytes: said)) }
    }

    /// Ends a program that still waits to be started, of which nothing else is known any more.
    package func closeGate() {
        guard let writing = try? Linux.open(Name.start, O_WRONLY | O_NONBLOCK | O_NOFOLLOW, at: directory.raw)
        else { return }
        try? writeFully(writing.raw, [0])
    }

    private func readSome(_ fd: CInt) throws(Errno) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        do throws(Errno) {
            let count = try buffer.withUnsafeMutableBufferPointer { bytes throws(Errno) in
                try read(fd, into: UnsafeMutableRawBufferPointer(bytes))
            }
            return Array(buffer[..<count])
        } catch {
            if error == .tryAgain { return [] }
            throw error
        }
    }

    // MARK: - status

    /// - Parameter isOurs: whether this command has the lock, which otherwise tells that somebody makes the container.
    package func status(_ record: ContainerRecord?, isOurs: Bool = false) -> Status {
        guard let first = record?.first else { return !isOurs && isBeingMade ? .creating : .stopped }
        guard first.isRunning else { return .stopped }
        if isWaiting { return .created }
        return NamedCgroup.isFrozen(record?.cgroups ?? []) ? .paused : .running
    }

    /// Removes the directory and all that is in it.
    package func remove() throws(SkiffError) {
        try during("cannot remove \(path)") { () throws(Errno) in try removeTree(path) }
    }
}

extension ContainerRecord {
    /// The state as the specification has it; section "State".
    package func state(
        of id: String, _ status: ContainerDirectory.Status, annotations: [(name: String, value: String)]
    ) -> JSONText {
        let pid = status == .stopped || status == .creating && first == nil ? nil : first?.pid
        return .members([
            "ociVersion": .string(version), "id": .string(id), "status": .string(status.rawValue),
            "pid": .integer(Int64(pid ?? 0)), "bundle": .string(bundle), "rootfs": .string(root),
            "created": .string(universalTimeText(created)),
            "annotations": annotations.isEmpty
                ? nil : .object(annotations.map { .init($0.name, .string($0.value)) }),
            "owner": .string(userRecord(uid: owner)?.name ?? ""),
        ])
    }
}
