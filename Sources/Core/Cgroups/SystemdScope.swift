package import Base
import CLinux
import Linux

/// Moves this process to a cgroup of its own, which systemd makes, where the one that it is in is not the caller's to divide:
/// that of a login session belongs to root. systemd removes the scope with its last process, also when that was killed.
package struct SystemdScope {
    private let isAllowed: Bool
    private let installation: Installation
    private let uid = effectiveUID()

    /// - Parameter settings: those of `systemd cgroups`.
    package init(_ settings: Settings, _ installation: Installation) {
        isAllowed = settings.systemdCgroups
        self.installation = installation
    }

    /// For a container with limits. Returns where nothing is to be done, or nothing can be: then the plan says why there are no
    /// limits.
    /// - Throws: where systemd does not do what it should; nothing may start without its limits then.
    package func enter(for limits: [CgroupLimit]) throws(SkiffError) {
        guard isAllowed, !limits.isEmpty else { return }
        let host = CgroupHost.lookAfterSweeping()
        guard let place = host.unifiedPlace, CgroupAdvice.problem(place, uid: uid) != nil, mayLeave(place.name),
            Self.isThere
        else { return }
        Log.verbose("moving to a scope of systemd: \(place.directory) cannot be used for limits")
        try move()
    }

    /// For a program that enters an instance with limits: nobody but root moves from the cgroup of a session to another one.
    package func enter(joining limits: [CgroupLimit]) throws(SkiffError) {
        if !limits.isEmpty { try leaveSession() }
    }

    /// For who puts processes into other scopes of the same user.
    package func leaveSession() throws(SkiffError) {
        guard isAllowed, uid != 0, let place = CgroupHost.look().unifiedPlace, !place.isWritable,
            mayLeave(place.name), Self.isThere
        else { return }
        try move()
    }

    /// For an instance, which is to outlive its session: who ends a session ends what is in its cgroup. A user's scopes end
    /// with the user's manager, which stays after the last session for those alone who linger; loginctl(1).
    /// - Parameter limits: those of the instance; it is in a scope already.
    package func enter(forInstanceOf user: String, _ limits: [CgroupLimit]) throws(SkiffError) {
        guard let place = CgroupHost.look().unifiedPlace else { return }
        let lingers = uid == 0 || isAccessible("/var/lib/systemd/linger/" + user, F_OK)
        if !Self.isSession(place.name) {
            guard !lingers, !limits.isEmpty, lastComponent(place.name) == unit else { return }
            return tellEnd(of: user)
        }
        guard isAllowed, lingers, mayLeave(place.name), Self.isThere else {
            if LoginSettings.killsProcesses(of: user) { tellEnd(of: user) }
            return
        }
        Log.verbose("moving to a scope of systemd: \(place.name) may end before the instance")
        try move(isOptional: true)
    }

    private func tellEnd(of user: String) {
        Log.warning("The instance ends with the last session of \(user); loginctl enable-linger keeps those to come")
    }

    // MARK: - the move

    private var unit: String { "skiff-\(processID())-\(startTime(of: processID()) ?? 0).scope" }

    private func move(isOptional: Bool = false) throws(SkiffError) {
        let words = ["__scope", unit, String(processID())] + (isOptional ? ["optional"] : [])
        let answer = try HelperAnswer(installation: installation).bytes(words)
        // What systemd calls the process may be another one in other namespaces.
        let name = CgroupHost.look().unifiedPlace?.name
        if !answer.isEmpty, name.map({ lastComponent($0) }) == unit { return }
        if !isOptional {
            throw SkiffError("cannot use the scope \(unit) of systemd: this process is in \(name ?? "no cgroup")")
        }
    }

    /// Whether this process may go to another cgroup: out of a session of login, but not out of what a batch system has put
    /// around a job, whose limits it would leave with it.
    private func mayLeave(_ name: String) -> Bool { Self.mayLeave(name, uid) }

    private static func mayLeave(_ name: String, _ uid: uid_t) -> Bool {
        name.hasPrefix("/user.slice/user-\(uid).slice/") || (uid == 0 && name.hasPrefix("/user.slice/"))
    }

    /// Whether a command in this cgroup would ask systemd for another one; what it answers is not known.
    package static func helps(_ place: CgroupHost.Place, uid: UInt32) -> Bool {
        guard place.version == .two, mayLeave(place.name, uid), isThere else { return false }
        let directory = environmentValue("XDG_RUNTIME_DIR") ?? "/run/user/\(uid)"
        return uid == 0 || environmentValue("DBUS_SESSION_BUS_ADDRESS") != nil || isAccessible(directory + "/bus", W_OK)
            || isAccessible(directory + "/systemd/private", W_OK)
    }

    /// `/user.slice/user-1000.slice/session-3.scope`.
    private static func isSession(_ name: String) -> Bool {
        let last = lastComponent(name)
        return name.hasPrefix("/user.slice/") && last.hasPrefix("session-") && last.hasSuffix(".scope")
    }

    /// Whether systemd runs here and counts processes as this one does: sd_booted(3), and its own number is 1.
    package static var isThere: Bool {
        guard isAccessible("/run/systemd/system", F_OK) else { return false }
        guard let first = try? readFile("/proc/1/comm", limit: 64) else { return true }
        return first == Array("systemd\n".utf8)
    }
}

extension CgroupHost {
    /// The one place where version 2 has all controllers; nil beside version 1.
    package var unifiedPlace: Place? {
        let others = places.filter { $0.version == .one && $0.controllers.first?.hasPrefix("name=") != true }
        return others.isEmpty ? places.first { $0.version == .two } : nil
    }
}
