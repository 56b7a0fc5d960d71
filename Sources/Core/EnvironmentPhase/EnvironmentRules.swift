package import Base
import Linux
import Shell

extension EnvironmentPlan {
    /// - Parameter host: `NAME=VALUE` of the caller, as bytes (`Linux.environmentBytes()`).
    /// - Throws: when a file of `--env-file` cannot be read or evaluated.
    package static func make(_ request: Request, host: [[UInt8]], facts: EnvironmentFacts) throws(SkiffError)
        -> EnvironmentPlan
    {
        var plan = EnvironmentPlan()
        if request.exactEnvironment {
            plan.isExact = true
            plan.variables = request.environment.map { Variable($0.name, $0.value, origin: "request") }
            return plan
        }
        plan.evaluatesOverrides = !request.noEvaluation
        var requested = EnvironmentOverrides()
        let entries = EnvironmentEntry.split(host)
        try requested.collect(request, host: host, entries: entries, image: facts.container)
        plan.messages += requested.messages
        plan.takeHost(entries, request, overridden: requested)
        plan.setOwn(request, facts)
        plan.apply(requested)
        for change in facts.changes { plan.apply(change) }
        plan.sortVariables()
        return plan
    }

    package static func make(_ request: Request, host: [String], facts: EnvironmentFacts) throws(SkiffError)
        -> EnvironmentPlan
    {
        try make(request, host: host.map { Array($0.utf8) }, facts: facts)
    }

    /// Sorts by name; of two with the same name the first counts, as for getenv(3).
    private mutating func sortVariables() {
        variables.sort { $0.name < $1.name }
        var unique: [Variable] = []
        unique.reserveCapacity(variables.count)
        for variable in variables where unique.last?.name != variable.name { unique.append(variable) }
        variables = unique
    }

    /// Returns whether a variable passes through `--cleanenv`.
    private static func isAlwaysPassed(_ name: String) -> Bool {
        switch name {
        case "TERM", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy",
            "ALL_PROXY",
            "ftp_proxy", "FTP_PROXY":
            true
        default: false
        }
    }

    /// Returns the caller's variables on which a program started with `--cleanenv` may depend: those that pass, and
    /// those that ask for variables of the container (`APPTAINERENV_…`). TERM, which names the terminal and not the
    /// work, is left out.
    ///
    /// - Parameter host: `NAME=VALUE` lines, as bytes.
    package static func inherited(from host: [[UInt8]]) -> [[UInt8]] {
        host.filter { line in
            let name = String(decoding: line.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            return name != "TERM" && (isAlwaysPassed(name) || EnvironmentOverrides.isOverride(name))
        }
    }

    /// Prefixes of the runtime's own settings.
    private static let settingPrefixes = ["SKIFF_", "APPTAINER_", "SINGULARITY_"]

    private mutating func takeHost(
        _ host: [EnvironmentEntry], _ request: Request, overridden requested: EnvironmentOverrides
    ) {
        for entry in host {
            let name = entry.name
            guard !EnvironmentOverrides.isOverride(name) else { continue }
            if let reason = EnvironmentPlan.reasonToDrop(name, request) {
                drop(name, reason)
            } else if let origin = requested.origin(of: name) {
                drop(name, "overridden by \(origin)")
            } else {
                variables.append(Variable(name, entry.value, origin: "host"))
            }
        }
        addUserPath(host, request)
    }

    private static func reasonToDrop(_ name: String, _ request: Request) -> String? {
        if !ASCII.isName(name.utf8) { return "not a valid name" }
        if let prefix = settingPrefixes.first(where: { name.hasPrefix($0) }) {
            return "\(prefix)* are settings of the runtime"
        }
        if request.noEnvironment.contains(name) { return "--no-env" }
        switch name {
        case "HOME": return "set to the home directory of the container"
        case "PATH": return "the image has its own; see USER_PATH"
        case "LD_LIBRARY_PATH": return "libraries of the host do not fit the image"
        default: break
        }
        if request.cleanEnvironment, !isAlwaysPassed(name) { return "--cleanenv" }
        return nil
    }

    /// Adds USER_PATH: the caller's PATH, followed by the usual directories. It counts as a variable of the host.
    private mutating func addUserPath(_ host: [EnvironmentEntry], _ request: Request) {
        guard !request.cleanEnvironment, !request.noEnvironment.contains("USER_PATH") else { return }
        guard value(of: "USER_PATH") == nil else { return }
        let path = host.first { $0.name == "PATH" }?.value ?? []
        let usual = Array("/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin:/usr/local/sbin".utf8)
        set("USER_PATH", path.isEmpty ? usual : path + [ASCII.colon] + usual, origin: "PATH of the host")
    }

    /// Sets skiff's own variables: Docs/spec/runtime.md §5.3.
    private mutating func setOwn(_ request: Request, _ facts: EnvironmentFacts) {
        if request.cleanEnvironment { set("LANG", "C", origin: "--cleanenv") }
        set("HOME", facts.home, origin: "core")
        set("PATH", EnvironmentPlan.defaultPath, origin: "core")
        set("APPTAINER_COMMAND", request.action.rawValue, origin: "core")
        setTwins("CONTAINER", facts.container)
        setTwins("NAME", facts.name ?? lastComponent(facts.container))
        setTwins("BIND", facts.binds.joined(separator: ","))
        setTwins("APPNAME", request.app ?? "")
        if let shell = request.shell { setTwins("SHELL", shell) }
        if request.noEvaluation { setTwins("NO_EVAL", "1") }
        if let instance = facts.instance { setTwins("INSTANCE", instance) }
    }

    private mutating func setTwins(_ name: String, _ value: String) {
        set("APPTAINER_" + name, value, origin: "core")
        set("SINGULARITY_" + name, value, origin: "core")
    }

    private mutating func apply(_ requested: EnvironmentOverrides) {
        for variable in requested.all {
            switch variable.name {
            case "PREPEND_PATH", "APPEND_PATH", "PATH":
                overrides.append(
                    Variable("SING_USER_DEFINED_" + variable.name, variable.value, origin: variable.origin))
            case "PREPEND_LD_LIBRARY_PATH": libraryPrefix = variable.value
            case "APPEND_LD_LIBRARY_PATH": librarySuffix = variable.value
            case "LD_LIBRARY_PATH" where !variable.value.isEmpty:
                let library = Array((":" + EnvironmentPlan.libraryDirectory).utf8)
                overrides.append(Variable(variable.name, variable.value + library, origin: variable.origin))
            default:
                variables.removeAll { $0.name == variable.name }
                overrides.append(variable)
            }
        }
    }

    /// Applies a plugin's change, which behaves like a variable of the host that `--cleanenv` spares; the search paths
    /// are joined after the image's scripts, inside what the user asked for.
    private mutating func apply(_ change: VariableChange) {
        let origin = change.origin
        switch (change.operation, change.name) {
        case (.set(let value), _):
            set(change.name, value, origin: origin)
        case (.prependPath(let value), "PATH"):
            join("SING_USER_DEFINED_PREPEND_PATH", value, after: true, origin: origin)
        case (.appendPath(let value), "PATH"):
            join("SING_USER_DEFINED_APPEND_PATH", value, after: false, origin: origin)
        case (.prependPath(let value), "LD_LIBRARY_PATH"):
            libraryPrefix = EnvironmentPlan.joined(libraryPrefix, value.bytes)
        case (.appendPath(let value), "LD_LIBRARY_PATH"):
            librarySuffix = EnvironmentPlan.joined(value.bytes, librarySuffix)
        case (.prependPath(let value), let name):
            set(name, EnvironmentPlan.joined(value.bytes, self.value(of: name) ?? []), origin: origin)
        case (.appendPath(let value), let name):
            set(name, EnvironmentPlan.joined(self.value(of: name) ?? [], value.bytes), origin: origin)
        case (.unset, let name):
            drop(name, change.reason.isEmpty ? "removed by \(origin)" : change.reason)
        }
    }

    private mutating func join(_ name: String, _ value: String, after: Bool, origin: String) {
        // The override is evaluated once like the user's own; a plugin's text is meant literally.
        let text = evaluatesOverrides ? ShellQuoting.insideDouble(value.bytes) : value.bytes
        guard let index = overrides.firstIndex(where: { $0.name == name }) else {
            overrides.append(Variable(name, text, origin: origin))
            return
        }
        let old = overrides[index].value
        overrides[index].value = after ? EnvironmentPlan.joined(old, text) : EnvironmentPlan.joined(text, old)
        overrides[index].origin += ", " + origin
    }

    static func joined(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        if left.isEmpty { return right }
        return right.isEmpty ? left : left + [ASCII.colon] + right
    }
}

/// `NAME=VALUE`, split in two.
struct EnvironmentEntry {
    var name: String
    var value: [UInt8]

    /// Entries without `=` are not variables and are dropped.
    static func split(_ entries: [[UInt8]]) -> [EnvironmentEntry] {
        var result: [EnvironmentEntry] = []
        result.reserveCapacity(entries.count)
        for entry in entries {
            guard let equals = entry.firstIndex(of: ASCII.equals) else { continue }
            let name = String(bytes: entry[..<equals])
            result.append(EnvironmentEntry(name: name, value: Array(entry[(equals + 1)...])))
        }
        return result
    }
}
