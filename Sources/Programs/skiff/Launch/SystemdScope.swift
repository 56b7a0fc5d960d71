import Base
import CLinux
import Core
import Linux

/// Starts this command anew in a scope of systemd, where its own cgroup does not let it limit anything: that of a login
/// session belongs to root.
///
/// systemd-run makes the scope and becomes this program again: its user manager answers over its own socket, so that neither
/// a message bus nor a library is needed, and systemd removes the scope with its last process, also when that was killed.
struct SystemdScope {
    private let settings: Settings
    private let uid = effectiveUID()

    init(_ settings: Settings) { self.settings = settings }

    private static let prefix = "skiff-"

    /// Returns where nothing is to be done, or nothing can be: then the plan says why there are no limits.
    func enter(for limits: [CgroupLimit], _ installation: Installation) throws(SkiffError) {
        guard !limits.isEmpty, let place = CgroupHost.lookAfterSweeping().places.first(where: { $0.version == .two })
        else { return }
        let unit = "\(Self.prefix)\(processID()).scope"
        if lastComponent(place.name) == unit {
            // It was not there when the user called this program.
            removeEnvironmentValue("INVOCATION_ID")
            return
        }
        guard settings.systemdCgroups, CgroupAdvice.problem(place, uid: uid) != nil, mayLeave(place.name), isThere,
            let program = ProgramPath(settings).find("systemd-run")
        else { return }
        Log.verbose("starting in a scope of systemd: \(place.directory) cannot be used for limits")
        let words = processArguments()
        let own = installation.prefix + "/bin/" + lastComponent(words.first ?? "skiff")
        let target = isAccessible(own, X_OK) ? own : installation.launcher
        var arguments = ["systemd-run"] + (uid == 0 ? [] : ["--user"])
        arguments += ["--scope", "--quiet", "--collect", "--unit=\(unit)", "--property=Delegate=yes", "--"]
        arguments += [target] + words.dropFirst()
        try during("cannot start \(program)") { () throws(Errno) in
            try Inheritance.giveBack()
            try execute(program, CStringArray(arguments), CStringArray(environmentStrings()))
        }
    }

    /// Whether this process may go to another cgroup: out of a session of login, but not out of what a batch system has put
    /// around a job, whose limits it would leave with it.
    private func mayLeave(_ name: String) -> Bool {
        name.hasPrefix("/user.slice/user-\(uid).slice/") || (uid == 0 && name.hasPrefix("/user.slice/"))
    }

    private var isThere: Bool {
        if uid == 0 { return isAccessible("/run/systemd/private", F_OK) }
        let directory = environmentValue("XDG_RUNTIME_DIR") ?? "/run/user/\(uid)"
        return isAccessible(directory + "/systemd/private", R_OK | W_OK)
    }
}
