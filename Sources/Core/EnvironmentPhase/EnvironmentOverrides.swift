import Base
import Linux
import Shell

/// Variables that the user asked for by name, in order of precedence: `--env`, `--env-file`, SKIFFENV_X,
/// APPTAINERENV_X, SINGULARITYENV_X. Docs/spec/runtime.md §5.1, points 3–5.
struct EnvironmentOverrides {
    private(set) var all: [EnvironmentPlan.Variable] = []
    private(set) var messages: [PlanMessage] = []

    private static let prefixes = ["SKIFFENV_", "APPTAINERENV_", "SINGULARITYENV_"]

    /// Returns whether a variable may not be overridden, because the runtime decides it.
    private static func isRefused(_ name: String) -> Bool {
        switch name {
        case "HOME", "APPTAINER_SHELL", "APPTAINER_APPNAME", "SINGULARITY_SHELL", "SINGULARITY_APPNAME": true
        default: false
        }
    }

    /// Whether a variable of the host overrides another one.
    static func isOverride(_ name: String) -> Bool { prefixes.contains { name.hasPrefix($0) } }

    func origin(of name: String) -> String? { all.first { $0.name == name }?.origin }

    mutating func collect(_ request: Request, host: [[UInt8]], entries: [EnvironmentEntry], image: String)
        throws(SkiffError)
    {
        takeOptions(request)
        try takeFiles(request, host: host, image: image)
        for prefix in EnvironmentOverrides.prefixes {
            for entry in entries where entry.name.hasPrefix(prefix) && entry.name.utf8.count > prefix.utf8.count {
                let (full, value) = (entry.name, entry.value)
                let name = String(full.dropFirst(prefix.count))
                if prefix == "SINGULARITYENV_" { warnLegacy(name, value) }
                guard origin(of: name) == nil else { continue }
                add(name, value, origin: full)
            }
        }
    }

    private mutating func takeOptions(_ request: Request) {
        for (name, value) in request.environment {
            guard !name.isEmpty else {
                warn("Ignore environment variable =\(value): variable name missing")
                continue
            }
            all.removeAll { $0.name == name }
            add(name, value.bytes, origin: "--env")
        }
    }

    private mutating func takeFiles(_ request: Request, host: [[UInt8]], image: String) throws(SkiffError) {
        var found: [EnvironmentPlan.Variable] = []
        for path in request.environmentFiles {
            // As with Apptainer, the first parameter is the action's own script.
            let arguments = [Array("/.singularity.d/actions/\(request.action.rawValue)".utf8)] + request.arguments
            let file = EnvironmentFile(path: path, arguments: arguments, host: host, image: image)
            let content = try file.evaluate()
            messages += content.messages
            for variable in content.variables {
                found.removeAll { $0.name == variable.name }
                found.append(variable)
            }
        }
        for variable in found {
            if origin(of: variable.name) != nil {
                warn("Ignored environment file variable \(variable.name): override from --env")
            } else {
                // The file has been evaluated already: what it quoted is meant literally.
                let value = request.noEvaluation ? variable.value : ShellQuoting.insideDouble(variable.value)
                add(variable.name, value, origin: variable.origin)
            }
        }
    }

    private mutating func add(_ name: String, _ value: [UInt8], origin: String) {
        if EnvironmentOverrides.isRefused(name) {
            let source = origin.hasPrefix("--") ? "APPTAINERENV_" + name : origin
            warn("Overriding \(name) environment variable with \(source) is not permitted")
        } else if !ASCII.isName(name.utf8) {
            warn("Ignore environment variable \(name): not a valid name")
        } else {
            all.append(EnvironmentPlan.Variable(name, value, origin: origin))
        }
    }

    private mutating func warnLegacy(_ name: String, _ value: [UInt8]) {
        let old = "SINGULARITYENV_" + name
        guard let chosen = all.first(where: { $0.name == name }) else {
            messages.append(
                .init(level: .info, text: "Environment variable \(old) is set, but APPTAINERENV_\(name) is preferred"))
            return
        }
        guard chosen.value != value else { return }
        if !chosen.origin.hasPrefix("--") {
            warn("\(old) and \(chosen.origin) have different values, using the latter")
        }
        let text = String(bytes: value)
        warn(
            "Skipping environment variable [\(old)=\(text)], \(name) is already overridden with different value "
                + "[\(chosen.text)]")
    }

    private mutating func warn(_ text: String) { messages.append(.init(level: .warning, text: text)) }
}
