import Base
import Linux

/// The environment of a container as far as it is known before the image's scripts run: made in the parent, printed by
/// `--explain`, executed by `EnvironmentRun` in the child. Docs/spec/runtime.md §5.1 and §5.3.
package struct EnvironmentPlan: Sendable, Equatable {
    /// The PATH that scripts start from, and that remains when they set none.
    package static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    package static let libraryDirectory = "/.singularity.d/libs"

    package struct Variable: Sendable, Equatable {
        package var name: String
        /// Bytes, because Linux promises no encoding.
        package var value: [UInt8]
        /// Where it comes from: `host`, `--env`, `APPTAINERENV_X`, `core`, the reason and the id of a plugin.
        package var origin: String

        package init(_ name: String, _ value: [UInt8], origin: String) {
            (self.name, self.value, self.origin) = (name, value, origin)
        }

        package init(_ name: String, _ value: String, origin: String) {
            self.init(name, value.bytes, origin: origin)
        }

        /// The value for people; bytes that are not UTF-8 are shown as U+FFFD.
        package var text: String { String(bytes: value) }
    }

    package struct SearchPathChange: Sendable, Equatable {
        package enum Placement: String, Sendable {
            case before, after, instead
        }

        package var name: String
        package var placement: Placement
        package var value: [UInt8]
        package var origin: String
    }

    /// A variable that does not reach the container.
    package struct Dropped: Sendable, Equatable {
        package var name: String
        package var reason: String
    }

    /// In the container unless the image defines them; sorted by name.
    package var variables: [Variable] = []
    /// Set after the image's own scripts (right after `99-base.sh`), so that they win. Those of PATH have the names that
    /// `99-runtimevars.sh` reads: SING_USER_DEFINED_PREPEND_PATH, …APPEND_PATH, …PATH.
    package var overrides: [Variable] = []
    /// Put around LD_LIBRARY_PATH after everything else; empty for none.
    package var libraryPrefix: [UInt8] = []
    package var librarySuffix: [UInt8] = []
    /// A PATH that a plugin puts in place of the image's, until the plan is closed.
    var pathOfPlugin: Variable?
    /// Whether overrides are evaluated once as a shell does between double quotes; false with `--no-eval`.
    package var evaluatesOverrides = true
    /// `variables` are the whole environment: no script of the image runs, nothing is added.
    package var isExact = false
    package var dropped: [Dropped] = []
    /// What is done to PATH and LD_LIBRARY_PATH once the image's scripts have run, in the order in which it was asked
    /// for; for people. What carries it out is in `overrides`, `libraryPrefix` and `librarySuffix`.
    package var searchPaths: [SearchPathChange] = []
    /// What the user is told.
    package var messages: [PlanMessage] = []

    package init() {}

    func value(of name: String) -> [UInt8]? { variables.first { $0.name == name }?.value }

    mutating func set(_ name: String, _ value: [UInt8], origin: String) {
        if let index = variables.firstIndex(where: { $0.name == name }) {
            variables[index] = Variable(name, value, origin: origin)
        } else {
            variables.append(Variable(name, value, origin: origin))
        }
    }

    mutating func set(_ name: String, _ value: String, origin: String) {
        set(name, value.bytes, origin: origin)
    }

    mutating func drop(_ name: String, _ reason: String) {
        variables.removeAll { $0.name == name }
        dropped.append(Dropped(name: name, reason: reason))
    }
}

/// What the plan of the environment needs to know besides the request.
package struct EnvironmentFacts: Sendable {
    /// Absolute path of the image, as shown in APPTAINER_CONTAINER.
    package var container: String
    /// Its base name, unless the image came from elsewhere.
    package var name: String?
    /// HOME inside the container.
    package var home: String
    /// Destinations of all user binds, in order, for nested runs.
    package var binds: [String]
    /// Name of the instance being started or joined.
    package var instance: String?
    /// What plugins asked for.
    package var changes: [VariableChange]

    package init(
        container: String, name: String? = nil, home: String, binds: [String] = [], instance: String? = nil,
        changes: [VariableChange] = []
    ) {
        self.container = container
        self.name = name
        self.home = home
        self.binds = binds
        self.instance = instance
        self.changes = changes
    }
}
