package import Base
package import Core
import Linux
import PluginAPI

/// What plugins may learn about the command that they take part in.
package struct SessionFacts {
    package var request: Request
    package var installation: Installation
    /// Values of a key of skiff.conf, in order; empty when it is not set and has no default.
    package var configuration: (String) -> [String] = { _ in [] }
    /// A variable of the caller.
    package var environment: (String) -> String? = { environmentValue($0) }
    /// Whether the command has powers that its caller lacks, or is root.
    package var isPrivileged = false
    /// Whether the container is made without the powers of root.
    package var isRootless = true
    /// Shows the progress of something long: its name, bytes done, bytes in all; nil where a line of `--verbose` has to
    /// do.
    package var showProgress: ((String, Int64, Int64) -> Void)?
    /// Lends the secret of a name to a function, wipes it, and returns the function's result; nil when there is none.
    package var lendSecret: ((String, (UnsafeRawBufferPointer) -> Int32) throws(SkiffError) -> Int32?)?

    package init(request: Request, installation: Installation) {
        self.request = request
        self.installation = installation
    }
}

/// One plugin in one command: what a `skiff_session *` points to. Kept for the life of the process, so that a plugin that
/// holds on to the pointer gets an answer instead of a crash.
final class Session {
    let plugin: LoadedPlugin
    let facts: SessionFacts
    /// The phase now running; nil between calls, when a session answers nothing.
    fileprivate(set) var phase: PluginPhase?
    /// The plan, while it is open and in our hands.
    var draft: PlanDraft?

    init(plugin: LoadedPlugin, facts: SessionFacts) {
        self.plugin = plugin
        self.facts = facts
        _ = Unmanaged.passRetained(self)
    }

    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// Returns the session of a call, if the plugin may call it now.
    static func from(_ pointer: OpaquePointer?, in phases: Set<PluginPhase>) -> Session? {
        guard let pointer else { return nil }
        let session = Unmanaged<Session>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
        guard let phase = session.phase, phases.contains(phase) else { return nil }
        return session
    }

    /// Runs `body` as `phase`, with the plan at hand.
    func during<Result>(_ phase: PluginPhase, _ draft: inout PlanDraft, _ body: () throws(SkiffError) -> Result)
        throws(SkiffError) -> Result
    {
        self.draft = draft
        self.phase = phase
        defer {
            if let filled = self.draft { draft = filled }
            self.draft = nil
            self.phase = nil
        }
        return try body()
    }

    func during<Result>(_ phase: PluginPhase, _ body: () throws(SkiffError) -> Result) throws(SkiffError) -> Result {
        self.phase = phase
        defer { self.phase = nil }
        return try body()
    }

    /// Reports why a call of the host failed, as if the plugin had: it may pass our status on as it is.
    func refuse(_ status: Int32, _ message: String, errno: Errno? = nil) -> Int32 {
        plugin.diagnostics.fail(PluginDiagnostics.Failure(status: status, message: message, errno: errno))
        return status
    }
}
