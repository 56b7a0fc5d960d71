public import PluginAPI

/// A plugin of skiff, written in Swift.
///
/// A library has one plugin. Its entry function passes everything to the kit, which makes the C tables:
///
///     @c(skiff_plugin_entry)
///     public func entry(
///         _ abi: UInt32, _ host: UnsafePointer<skiff_host>?, _ out: UnsafeMutablePointer<UnsafePointer<skiff_plugin>?>?
///     ) -> Int32 { Kit.enter(abi, host, out) { Hello() } }
///
/// One thread calls all methods; `entered` and `preExec` run in the new process, the others in the command. An error of
/// a method ends the command with its text, except in `started` and `stopped`.
public protocol Plugin: AnyObject {
    /// Must equal the `id` of the manifest.
    var id: String { get }
    var version: String { get }
    var name: String { get }
    var license: String { get }
    /// The methods that the plugin implements; must equal `phases` of the manifest.
    var phases: Set<PluginPhase> { get }
    /// Functions for the manifest's flags and commands.
    var handlers: [Handler] { get }
    /// Further tables in C, by id; they live as long as the process.
    var tables: [String: UnsafeRawPointer] { get }

    func configure(_ session: Session) throws(PluginError)
    func prepare(_ session: Session) throws(PluginError)
    func mounts(_ session: Session) throws(PluginError)
    func environment(_ session: Session) throws(PluginError)
    func entered(_ session: Session) throws(PluginError)
    func preExec(_ session: Session) throws(PluginError)
    func started(_ session: Session, pid: Int32, pidfd: Int32) throws(PluginError)
    func stopped(_ session: Session, status: Int32) throws(PluginError)
}

extension Plugin {
    public var license: String { "Apache-2.0" }
    public var handlers: [Handler] { [] }
    public var tables: [String: UnsafeRawPointer] { [:] }
    public func configure(_ session: Session) throws(PluginError) {}
    public func prepare(_ session: Session) throws(PluginError) {}
    public func mounts(_ session: Session) throws(PluginError) {}
    public func environment(_ session: Session) throws(PluginError) {}
    public func entered(_ session: Session) throws(PluginError) {}
    public func preExec(_ session: Session) throws(PluginError) {}
    public func started(_ session: Session, pid: Int32, pidfd: Int32) throws(PluginError) {}
    public func stopped(_ session: Session, status: Int32) throws(PluginError) {}
}

/// The phases of a container's life, in order; `skiff/phases.h`.
public enum PluginPhase: Sendable {
    case configure, prepare, mounts, environment, entered, preExec, started, stopped
}

/// Why a plugin cannot do what was asked. The message reads `cannot <verb> <object>`; the host adds the plugin's id, the
/// phase and the kernel's text.
public struct PluginError: Error, Sendable {
    public let status: Int32
    /// Nil when the host knows the reason, because its own call failed.
    public let message: String?
    /// A number of errno(3), 0 for none.
    public let errno: Int32

    public init(_ message: String, errno: Int32 = 0, status: Int32 = SKIFF_E_INVALID) {
        (self.message, self.errno, self.status) = (message, errno, status)
    }

    /// An error of a call of `Host`.
    public init(_ message: String, _ error: SystemError) {
        self.init(message, errno: error.number, status: SKIFF_E_SYSTEM)
    }

    init(passingOn status: Int32) { (message, errno, self.status) = (nil, 0, status) }
}

/// A function of `skiff.cli/2` for a flag. The closures must capture nothing: they become C functions.
public struct Handler {
    let name: String
    let signature: String
    let function: @convention(c) () -> Void

    /// Returns the handler of a flag of type `bool`: the argument is 1 when it is on.
    public static func bool(_ name: String, _ function: @escaping @convention(c) (OpaquePointer?, Int32) -> Int32)
        -> Handler
    {
        Handler(name: name, signature: "i:cb", function: unsafeBitCast(function, to: (@convention(c) () -> Void).self))
    }

    /// Returns the handler of a flag of type `string`.
    public static func string(
        _ name: String, _ function: @escaping @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> Int32
    ) -> Handler {
        Handler(name: name, signature: "i:cs", function: unsafeBitCast(function, to: (@convention(c) () -> Void).self))
    }

    /// Returns the handler of a flag of type `strings`; `Kit.strings` makes an array of the argument.
    public static func strings(
        _ name: String,
        _ function: @escaping @convention(c) (OpaquePointer?, UnsafePointer<UnsafePointer<CChar>?>?, UInt64) -> Int32
    ) -> Handler {
        Handler(name: name, signature: "i:cS", function: unsafeBitCast(function, to: (@convention(c) () -> Void).self))
    }
}
