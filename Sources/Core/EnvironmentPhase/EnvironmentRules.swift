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
        plan.closePath()
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
            func change(_ name: String, _ placement: SearchPathChange.Placement) {
                searchPaths.append(
                    SearchPathChange(
                        name: name, placement: placement, value: variable.value, origin: variable.origin))
            }
            switch variable.name {
            case "PREPEND_PATH", "APPEND_PATH", "PATH":
                overrides.append(
                    Variable("SING_USER_DEFINED_" + variable.name, variable.value, origin: variable.origin))
                change("PATH", .init(prefixOf: variable.name))
            case "PREPEND_LD_LIBRARY_PATH":
                libraryPrefix = variable.value
                change("LD_LIBRARY_PATH", .before)
            case "APPEND_LD_LIBRARY_PATH":
                librarySuffix = variable.value
                change("LD_LIBRARY_PATH", .after)
            case "LD_LIBRARY_PATH" where !variable.value.isEmpty:
                replaceLibraryPath(variable.value, origin: variable.origin)
                change("LD_LIBRARY_PATH", .instead)
            default:
                variables.removeAll { $0.name == variable.name }
                overrides.append(variable)
            }
        }
    }

    /// What the host lends is found all the same.
    private mutating func replaceLibraryPath(_ value: [UInt8], origin: String) {
        let library = Array((":" + EnvironmentPlan.libraryDirectory).utf8)
        overrides.append(Variable("LD_LIBRARY_PATH", value + library, origin: origin))
    }

    /// Applies a plugin's change, which behaves like a variable of the host that `--cleanenv` spares; the search paths
    /// are joined after the image's scripts, inside what the user asked for. What the user asked for by name wins.
    private mutating func apply(_ change: VariableChange) {
        let origin = change.reason.isEmpty ? change.origin : "\(change.reason), \(change.origin)"
        switch change.name {
        case "PATH", "LD_LIBRARY_PATH": applySearchPath(change, origin: origin)
        case _ where overrides.contains { $0.name == change.name }: joinOverride(change, origin: origin)
        default: applyPlain(change, origin: origin)
        }
    }

    private mutating func applyPlain(_ change: VariableChange, origin: String) {
        let name = change.name
        switch change.operation {
        case .set(let value): set(name, value, origin: origin)
        case .prependPath(let value):
            set(name, EnvironmentPlan.joined(value.bytes, self.value(of: name) ?? []), origin: origin)
        case .appendPath(let value):
            set(name, EnvironmentPlan.joined(self.value(of: name) ?? [], value.bytes), origin: origin)
        case .unset: drop(name, change.reason.isEmpty ? "removed by \(change.origin)" : origin)
        }
    }

    /// Joins a plugin's directories with the user's value; a value of the plugin's own is left out.
    private mutating func joinOverride(_ change: VariableChange, origin: String) {
        switch change.operation {
        case .prependPath(let value): join(change.name, value, after: false, origin: origin)
        case .appendPath(let value): join(change.name, value, after: true, origin: origin)
        case .set, .unset: dropped.append(Dropped(name: change.name, reason: "the user's value wins (\(origin))"))
        }
    }

    private mutating func applySearchPath(_ change: VariableChange, origin: String) {
        let isPath = change.name == "PATH"
        let replaced = isPath ? Self.replacedPath : "LD_LIBRARY_PATH"
        let isReplaced = overrides.contains { $0.name == replaced }
        let (placement, value): (SearchPathChange.Placement, String)
        switch change.operation {
        case .set where isReplaced, .prependPath where isReplaced && isPath, .appendPath where isReplaced && isPath:
            dropped.append(Dropped(name: change.name, reason: "the user's value wins (\(origin))"))
            return
        case .set(let text):
            if isPath {
                pathOfPlugin = Variable(Self.replacedPath, literal(text), origin: origin)
            } else {
                replaceLibraryPath(literal(text), origin: origin)
            }
            (placement, value) = (.instead, text)
        case .prependPath(let text):
            if isPath {
                join("SING_USER_DEFINED_PREPEND_PATH", text, after: true, origin: origin)
            } else {
                libraryPrefix = EnvironmentPlan.joined(libraryPrefix, text.bytes)
            }
            (placement, value) = (.before, text)
        case .appendPath(let text):
            if isPath {
                join("SING_USER_DEFINED_APPEND_PATH", text, after: false, origin: origin)
            } else {
                librarySuffix = EnvironmentPlan.joined(text.bytes, librarySuffix)
            }
            (placement, value) = (.after, text)
        // Refused when it was asked for: images and the launch always make them.
        case .unset: return
        }
        searchPaths.append(
            SearchPathChange(name: change.name, placement: placement, value: value.bytes, origin: origin))
    }

    private static let replacedPath = "SING_USER_DEFINED_PATH"

    /// The script that joins the pieces of PATH takes a whole one as it is: a plugin's gets its front and end here.
    private mutating func closePath() {
        guard var path = pathOfPlugin else { return }
        func take(_ name: String) -> [UInt8] {
            guard let index = overrides.firstIndex(where: { $0.name == name }) else { return [] }
            return overrides.remove(at: index).value
        }
        let front = EnvironmentPlan.joined(take("SING_USER_DEFINED_PREPEND_PATH"), path.value)
        path.value = EnvironmentPlan.joined(front, take("SING_USER_DEFINED_APPEND_PATH"))
        overrides.append(path)
    }

    /// An override is evaluated once like the user's own; a plugin's text is meant literally.
    private func literal(_ value: String) -> [UInt8] {
        evaluatesOverrides ? ShellQuoting.insideDouble(value.bytes) : value.bytes
    }

    private mutating func join(_ name: String, _ value: String, after: Bool, origin: String) {
        let text = literal(value)
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

extension EnvironmentPlan.SearchPathChange.Placement {
    /// - Parameter name: `PREPEND_PATH`, `APPEND_PATH` or `PATH`.
    fileprivate init(prefixOf name: String) {
        self = name.hasPrefix("PREPEND_") ? .before : name.hasPrefix("APPEND_") ? .after : .instead
    }
}
