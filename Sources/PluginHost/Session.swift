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
    /// The caller's id in the container, and whether it has a user namespace of its own; nil where there is no
    /// container.
    package var insideUID: UInt32?
    package var hasUserNamespace: Bool?
    /// The words of the command: `exec`, `instance start`.
    package var command: String?
    /// Whether it is a command of the plugin's own, which runs no container.
    package var isOwnCommand = false
    /// Whether the plan is only shown.
    package var isExplained = false
    /// The absolute path of the image.
    package var image: String?
    /// Its file; nil for a directory.
    package var imageFile: SessionImage?
    package var instance: String?
    package var user: String?
    package var home: String?
    /// The caller's current directory.
    package var directory: String?
    /// Where records of what to undo are kept.
    package var undoDirectory = UndoJournal.directory
    /// Returns the absolute path of a program of the host.
    package var findProgram: (String) -> String? = { _ in nil }
    /// Returns what the image says about itself, as JSON; nil when its file does not hold that beside the file system.
    package var metadata: () -> String? = { nil }
    /// Shows the progress of something long: its name, bytes done, bytes in all; nil where a line of `--verbose` has to
    /// do.
    package var showProgress: ((String, Int64, Int64) -> Void)?
    /// Lends the secret of a name to a function, wipes it, and returns the function's result; nil when there is none.
    package var lendSecret: ((String, (UnsafeRawBufferPointer) -> Int32) throws(SkiffError) -> Int32?)?
    /// Where the key of an encrypted image comes from; nil when the user has named no source.
    package var keySource: KeySource?

    package init(request: Request, installation: Installation) {
        self.request = request
        self.installation = installation
    }

    /// Adds what is known of the host and the image.
    package mutating func describe(_ request: Request, _ host: HostFacts, _ image: ImageFacts) {
        hasUserNamespace = request.makesUserNamespace(host)
        insideUID = request.userMapping == .root ? 0 : host.uid
        self.image = image.path
        instance = request.instance
        user = host.userName
        home = host.homeDirectory
        directory = host.directory
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
    /// Its number among the plugins of the command.
    var number: UInt8 = 0
    /// What the network that is being attached has told; nil at other times.
    var results: [NetworkResult]?
    /// In the container's process, the way to the command.
    var messageLink: Int32?
    /// Helpers that were started and not yet ended, in order.
    var helpers: [Helper] = []
    /// Servers of layers, which end by themselves.
    var servers: [LayerProcess] = []
    /// The layer that it is asked to serve, during that call.
    var servedLayer: ServedLayer?
    /// What it has to take back, by handles of the command's journal.
    private var handles: [UInt64] = []
    /// SIF files that the plugin has open.
    var edits = ImageEdits()
    /// The key that it may borrow, while it opens or writes an encrypted volume.
    var key: LentKey?
    /// What is to open it from now on, in a command that changes that.
    var newKey: LentKey?
    /// Whether it may keep something for the image server, and what it has kept.
    var keepsVolume = false
    var kept: SecretMemory?
    /// The plugin's own.
    var state: PluginSessionState?

    func freeState() {
        guard let state else { return }
        self.state = nil
        try? plugin.manifest.running("free") { state.free() }
    }

    /// Whether this is the container's process.
    var isInChild: Bool { phase == .entered || phase == .preExec }

    init(plugin: LoadedPlugin, facts: SessionFacts) {
        self.plugin = plugin
        self.facts = facts
        _ = Unmanaged.passRetained(self)
    }

    var pointer: OpaquePointer { OpaquePointer(Unmanaged.passUnretained(self).toOpaque()) }

    /// Returns the session of a call, if the plugin may call it now.
    static func from(_ pointer: OpaquePointer?, in phases: [PluginPhase]) -> Session? {
        guard let pointer else { return nil }
        let session = Unmanaged<Session>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
        guard let phase = session.phase, phases.contains(phase) else { return nil }
        return session
    }

    /// Returns the session of a call in a command of the plugin.
    static func ofOwnCommand(_ pointer: OpaquePointer?) -> Session? {
        guard let session = from(pointer, in: [.configure]), session.facts.isOwnCommand else { return nil }
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

    /// Ends what was started, the last one first.
    func endHelpers() {
        while let helper = helpers.popLast() { _ = try? helper.end() }
    }

    /// Writes down what has to be taken back.
    /// - Returns: the record's handle.
    func record(_ record: UndoRecord) throws(SkiffError) -> UInt64 {
        let journal: UndoJournal
        if let made = Self.journal { journal = made } else { journal = try UndoJournal(in: facts.undoDirectory) }
        Self.journal = journal
        let handle = try journal.push(record)
        handles.append(handle)
        return handle
    }

    /// In a process that was forked from the command, which may outlive it for a moment.
    static func leaveJournal() { journal?.leaveLock() }

    func drop(_ handle: UInt64) throws(Errno) -> Bool {
        guard let index = handles.firstIndex(of: handle), let journal = Self.journal else { return false }
        handles.remove(at: index)
        return try journal.drop(handle)
    }

    /// Takes back what this plugin has written down, the last deed first.
    func undo() {
        if !handles.isEmpty { Self.journal?.carryOut(handles) }
        handles = []
    }

    /// One for the command, made by its first record. Only one thread calls plugins.
    nonisolated(unsafe) private static var journal: UndoJournal?

    /// The status of the last failure that was reported.
    var refusal: Int32 { plugin.diagnostics.failure?.status ?? SKIFF_E_INTERNAL }

    /// Reports why a call of the host failed, as if the plugin had: it may pass our status on as it is.
    func refuse(_ status: Int32, _ message: String, errno: Errno? = nil, hint: String? = nil) -> Int32 {
        plugin.diagnostics.fail(PluginDiagnostics.Failure(status: status, message: message, errno: errno, hint: hint))
        return status
    }
}
