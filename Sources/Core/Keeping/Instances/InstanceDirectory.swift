package import Base
package import CLinux
package import Linux

/// Where the instances of a user on this host are written down: state in a directory of skiff's own, since Apptainer's `instance
/// list` removes what it does not know from the one beside it; logs where Apptainer has them.
///
/// A home may be shared by many hosts, so the host's name is part of the path.
package struct InstanceDirectory: Sendable {
    /// A state file that cannot be used.
    package struct Damage: Sendable {
        package let path: String
        package let reason: String
        package var text: String { "cannot use \(path): \(reason)" }
        package static let cure = "Remove the file if the instance does not run any more"
    }

    package let path: String
    package let logs: String
    package let user: String
    package let owner: uid_t
    /// Whether it is the caller's own; another's is only read.
    private let isOwn: Bool
    private let files: PrivateFiles

    private static let ending = ".state"
    private static let stateLimit = 1 << 20

    package init(
        configuration: String, user: String, owner: uid_t, isOwn: Bool = true, files: PrivateFiles = .current
    ) {
        let place = "/\(ConfigurationDirectory.component(hostname()))/\(ConfigurationDirectory.component(user))"
        path = configuration + "/instances/skiff" + place
        logs = configuration + "/instances/logs" + place
        (self.user, self.owner, self.isOwn, self.files) = (user, owner, isOwn, files)
    }

    package static func ofCaller() -> InstanceDirectory {
        let uid = effectiveUID()
        return InstanceDirectory(
            configuration: ConfigurationDirectory.path, user: userRecord(uid: uid)?.name ?? String(uid), owner: uid)
    }

    /// Another user's, for root: in that user's home, whatever the variables of root say.
    package static func of(_ record: UserRecord) -> InstanceDirectory {
        InstanceDirectory(
            configuration: record.home + "/.apptainer", user: record.name, owner: record.uid, isOwn: false,
            files: PrivateFiles(user: record.uid, owners: [record.uid, 0]))
    }

    package func statePath(_ name: String) -> String { path + "/" + name + Self.ending }
    package func errorLog(_ name: String) -> String { logs + "/" + name + ".err" }
    package func outputLog(_ name: String) -> String { logs + "/" + name + ".out" }

    /// Where the keeper of an instance is found.
    func address(of name: String) -> MeetingAddress { MeetingAddress("instance ".bytes + statePath(name).bytes) }

    // MARK: - State

    /// Returns the instance of this name if it runs. One that has ended by itself is told of and forgotten.
    package func running(_ name: String) throws(SkiffError) -> Instance? {
        switch read(name) {
        case nil: return nil
        case .failure(let damage)?: throw SkiffError(damage.text, hint: Damage.cure)
        case .success(let instance)?: return keepIfRunning(instance) ? instance : nil
        }
    }

    /// Returns the instances that run, by name, and tells of those that have ended by themselves and of files that cannot be
    /// used.
    package func running(where isWanted: (String) -> Bool) -> [Instance] {
        guard let listing = try? openState(), let found = try? entries(of: listing.raw) else { return [] }
        var result: [Instance] = []
        for entry in found.map(\.text).sorted() where entry.hasSuffix(Self.ending) {
            let name = String(entry.dropLast(Self.ending.count))
            guard Instance.isName(name), isWanted(name) else { continue }
            switch read(name) {
            case nil: continue
            case .failure(let damage)?: Log.warning(damage.text + ". " + Damage.cure)
            case .success(let instance)?: if keepIfRunning(instance) { result.append(instance) }
            }
        }
        return result
    }

    private func read(_ name: String) -> Result<Instance, Damage>? {
        let path = statePath(name)
        do throws(SkiffError) {
            let directory = try openState()
            let bytes: [UInt8]
            do throws(Errno) {
                bytes = try files.read(name + Self.ending, at: directory.raw, limit: Self.stateLimit)
            } catch {
                switch error {
                case .noSuchFile: return nil
                case .notPermitted, .tooManySymlinks:
                    return .failure(Damage(path: path, reason: "somebody else can have written it, or it is no file"))
                default: return .failure(Damage(path: path, reason: error.description))
                }
            }
            guard let instance = Instance(encoded: bytes), instance.name == name else {
                return .failure(Damage(path: path, reason: "it is not the state of an instance"))
            }
            return .success(instance)
        } catch {
            return error.errno == .noSuchFile ? nil : .failure(Damage(path: path, reason: error.message))
        }
    }

    /// Opens the directory if it is there.
    private func openState() throws(SkiffError) -> OwnedFD {
        _ = try during("cannot look at \(path)") { () throws(Errno) in try status(path, follow: false) }
        if isOwn { return try files.openDirectory(path, cure: "Remove it: skiff makes a new one") }
        let directory = try during("cannot open \(path)") { () throws(Errno) in
            try open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        }
        guard let found = try? status(of: directory.raw), files.isOwn(found) else {
            throw SkiffError("cannot use \(path): it belongs to somebody else")
        }
        return directory
    }

    private func keepIfRunning(_ instance: Instance) -> Bool {
        switch instance.life(owner: owner) {
        case .runs: return true
        case .elsewhere:
            Log.verbose("instance \(instance.name) belongs to another PID namespace")
            return false
        case .endedWithItsBoot: Log.verbose("instance \(instance.name) has ended with the host")
        case .ended:
            Log.warning(
                "instance \(instance.name) has ended by itself or was killed; its last words may be in "
                    + errorLog(instance.name))
        }
        if isOwn { forget(instance) }
        return false
    }

    /// Removes what an instance that has ended left behind, unless its name is being given anew.
    private func forget(_ instance: Instance) {
        guard let place = try? MeetingPlace.takeIfFree(address(of: instance.name)) else { return }
        guard case .success(instance)? = read(instance.name) else { return place.giveUp() }
        try? unlink(statePath(instance.name))
        place.giveUp()
    }

    /// Needs the lock of the name.
    func remove(_ name: String) { try? unlink(statePath(name)) }

    func write(_ instance: Instance) throws(SkiffError) {
        _ = try files.openDirectory(path, cure: "Remove it: skiff makes a new one")
        try during("cannot write \(statePath(instance.name))") { () throws(Errno) in
            try AtomicFile.replace(statePath(instance.name), instance.encoded(), mode: 0o600, durable: false)
        }
    }

    // MARK: - Logs

    /// Opens a log to be appended to, and makes it where there is none.
    func openLog(_ path: String) throws(SkiffError) -> OwnedFD {
        let cure = "Remove it, or give the instance another name"
        let directory = try files.openDirectory(logs, cure: "Remove it: skiff makes a new one")
        let log = try during("cannot open the log \(path)", hint: cure) { () throws(Errno) in
            try open(
                lastComponent(path), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode: 0o600,
                at: directory.raw)
        }
        let found = try during("cannot look at the log \(path)") { () throws(Errno) in try status(of: log.raw) }
        guard found.isRegular, files.isOwn(found), found.links == 1 else {
            throw SkiffError("cannot use the log \(path): it is not a file that only you can write", hint: cure)
        }
        return log
    }

    /// Opens a log to be read; nil where there is none.
    package func readLog(_ path: String) throws(SkiffError) -> OwnedFD? {
        do throws(Errno) {
            return try files.open(path)
        } catch {
            if error == .noSuchFile { return nil }
            throw SkiffError("cannot read the log \(path)", errno: error)
        }
    }
}

extension InstanceDirectory.Damage: Error {}
