import Base
import Core
import Grammar
import Linux

/// What a launch has to do with instances: it can start one, or enter one.
struct InstanceLaunch {
    private static let scheme = "instance://"

    let invocation: Invocation

    /// Whether the container is to stay: `instance start`, `instance run`.
    var isStart: Bool { invocation.command.hasPrefix("instance ") }

    /// The name that the command line gives to the instance to be started.
    /// - Throws: for one that cannot be started, with Apptainer's texts.
    func newName() throws(SkiffError) -> String? {
        guard isStart else { return nil }
        let words = invocation.positionals
        if words.first?.hasPrefix(Self.scheme) == true {
            throw SkiffError("While setting image/instance: starting an instance from another is not allowed")
        }
        if invocation[.boot] {
            if effectiveUID() != 0 { throw SkiffError("Could not configure --boot: --boot requires root privileges") }
            throw SkiffError(
                "cannot boot the container: skiff has no way to run an init system, which wants the cgroups and devices of a "
                    + "machine", hint: "Let the startscript start the services")
        }
        guard words.count > 1, Instance.isName(words[1]) else {
            throw SkiffError(
                "while executing starter: while checking instance name: \(words.dropFirst().first ?? "") is not a valid "
                    + "instance name")
        }
        return words[1]
    }

    /// The part of the plan, once the name is known to be one.
    func planned(_ name: String, in directory: String) -> PlannedInstance {
        PlannedInstance(
            name: name, directory: .ofCaller(), pidFile: invocation[.pidFile].map { absolutePath($0, in: directory) })
    }

    /// The name of the instance that is to be entered; nil when the image is none.
    func enteredName() throws(SkiffError) -> String? {
        guard !isStart, let image = invocation.positionals.first, image.hasPrefix(Self.scheme) else { return nil }
        let name = String(image.dropFirst(Self.scheme.count))
        guard Instance.isName(name) else {
            throw SkiffError("While setting image/instance: \(name) is not a valid instance name")
        }
        return name
    }

    /// Tells of flags on the command line that only the start of an instance could have followed; nil where there are none.
    func missedFlags(of instance: Instance) -> PlanMessage? {
        let missed = invocation.flagsOfStart.filter { !instance.conditions.plugins.contains($0.plugin) }
        if missed.isEmpty { return nil }
        let names = missed.map { "--" + $0.name }.joined(separator: ", ")
        return .warning("Without effect in an instance that runs already, for instance start alone: \(names)")
    }

    /// The instance of that name.
    func running(_ name: String, in directory: InstanceDirectory) throws(SkiffError) -> Instance {
        guard let instance = try directory.running(name) else {
            throw SkiffError("While setting image/instance: no instance found with name \(name)")
        }
        return instance
    }
}
