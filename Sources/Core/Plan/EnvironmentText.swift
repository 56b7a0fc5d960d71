import Base
import Linux

/// The environment as `--explain` shows it: each variable with its origin, each one that stays outside with the reason.
extension EnvironmentPlan {
    var rows: [String] {
        variables.map { "\($0.name)=\($0.text) (\($0.origin))" }
            + overrides.filter { !isOfSearchPath($0.name) }.map {
                "\($0.name)=\($0.text) (\($0.origin), after the image's scripts)"
            }
            + searchPaths.map(\.row)
            + dropped.map { "without \($0.name): \($0.reason)" }
    }

    /// Whether an override is shown as a change of a search path.
    private func isOfSearchPath(_ name: String) -> Bool {
        name.hasPrefix("SING_USER_DEFINED_") || name == "LD_LIBRARY_PATH"
    }

    /// Returns a variable as far as it is decided before the image's scripts run; nil when it is not set.
    package func decided(_ name: String) -> [UInt8]? {
        func override(_ name: String) -> [UInt8]? { overrides.last { $0.name == name }?.value }
        switch name {
        case "PATH":
            if let path = override("SING_USER_DEFINED_PATH") { return path }
            let front = Self.joined(override("SING_USER_DEFINED_PREPEND_PATH") ?? [], value(of: name) ?? [])
            return Self.joined(front, override("SING_USER_DEFINED_APPEND_PATH") ?? [])
        case "LD_LIBRARY_PATH":
            let path = Self.joined(Self.joined(libraryPrefix, override(name) ?? []), librarySuffix)
            return path.isEmpty ? nil : path
        default: return override(name) ?? value(of: name)
        }
    }

    var json: JSONText {
        .members([
            "variables": .array(variables.map(\.json)), "overrides": .array(overrides.map(\.json)),
            "dropped": .array(
                dropped.map { .members(["name": .string($0.name), "reason": .string($0.reason)]) }),
            "searchPaths": .array(searchPaths.map(\.json)),
            "libraryPrefix": .string(String(bytes: libraryPrefix)),
            "librarySuffix": .string(String(bytes: librarySuffix)),
        ])
    }
}

extension EnvironmentPlan.SearchPathChange {
    fileprivate var row: String {
        let text = String(bytes: value)
        return switch placement {
        case .before: "\(name) begins with \(text) (\(origin))"
        case .after: "\(name) ends with \(text) (\(origin))"
        case .instead: "\(name)=\(text), whatever the image says (\(origin))"
        }
    }

    fileprivate var json: JSONText {
        .members([
            "name": .string(name), "placement": .string(placement.rawValue), "value": .string(String(bytes: value)),
            "origin": .string(origin),
        ])
    }
}

extension EnvironmentPlan.Variable {
    fileprivate var json: JSONText {
        .members(["name": .string(name), "value": .string(text), "origin": .string(origin)])
    }
}
