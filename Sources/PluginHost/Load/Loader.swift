package import Base
import CLinux
import Linux
import PluginAPI

/// Brings the library of a manifest into the process.
///
/// The file is opened once, checked through its descriptor, and loaded through that same descriptor: nobody can exchange
/// it between the check and the load.
package struct Loader: Sendable {
    /// Absolute, without symlinks.
    let directory: String
    let trust: Trust

    package init(directory: String, trust: Trust = .ofThisProcess) {
        self.directory = directory
        self.trust = trust
    }

    /// - Throws: why the plugin cannot be used; nothing of it is left running, its library may stay mapped.
    package func load(_ manifest: Manifest) throws(SkiffError) -> LoadedPlugin {
        try checkInterface(manifest)
        let isAllowed = !trust.isPrivileged || manifest.privileged != .never
        guard isAllowed, !trust.isSetuid || manifest.privileged == .setuid else {
            throw manifest.failure("load", "its manifest does not allow it with these powers")
        }
        let handle = try openLibrary(manifest)
        guard let symbol = dlsym(handle, SKIFF_ENTRY_SYMBOL) else {
            throw manifest.failure("load", "the library has no function \(SKIFF_ENTRY_SYMBOL)")
        }
        typealias Entry =
            @convention(c) (
                UInt32, UnsafePointer<skiff_host>?, UnsafeMutablePointer<UnsafePointer<skiff_plugin>?>?
            ) -> Int32
        let entry = unsafeBitCast(symbol, to: Entry.self)
        let diagnostics = PluginDiagnostics(id: manifest.id)
        let host = makeHost(for: diagnostics)
        var object: UnsafePointer<skiff_plugin>?
        let status = try manifest.running("entry") { entry(UInt32(SKIFF_ABI_CURRENT), host, &object) }
        guard status == SKIFF_OK, let object else {
            let reason = diagnostics.failure?.message ?? "its entry function refused (\(statusName(status)))"
            throw manifest.failure("load", reason, errno: diagnostics.failure?.errno, hint: diagnostics.failure?.hint)
        }
        return try LoadedPlugin(manifest, object: object, host: host, diagnostics: diagnostics)
    }

    private func checkInterface(_ manifest: Manifest) throws(SkiffError) {
        guard manifest.works(with: UInt32(SKIFF_ABI_CURRENT)) else {
            throw manifest.failure(
                "load",
                "it is made for version \(manifest.interface) of the plugin interface, and this skiff has "
                    + "\(SKIFF_ABI_MAJOR).\(SKIFF_ABI_MINOR)",
                hint:
                    "Install a version of the plugin that is made for this skiff, or build it with this skiff's headers"
            )
        }
    }

    private func openLibrary(_ manifest: Manifest) throws(SkiffError) -> UnsafeMutableRawPointer {
        let path = "\(directory)/\(manifest.library)"
        let file = try during("plugin \(manifest.id): load: cannot open \(path)") { () throws(Errno) in
            try open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        }
        let found = try during("plugin \(manifest.id): load: cannot look at \(path)") { () throws(Errno) in
            try status(of: file.raw)
        }
        guard found.isRegular else { throw manifest.failure("load", "\(path) is not a file") }
        do throws(SkiffError) {
            try trust.checkPath(directory)
            try trust.check(found, path)
        } catch {
            throw SkiffError("plugin \(manifest.id): load: \(error.message)", errno: error.errno, hint: error.hint)
        }
        // The descriptor stays open (close-on-exec). The dynamic linker knows a library by the name it was opened with:
        // if the number were reused, the next plugin would be taken for this one.
        let number = file.release()
        let opened = try manifest.running("load") {
            dlopen("/proc/self/fd/\(number)", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)
        }
        guard let handle = opened else {
            let reason = dlerror().map { String(cString: $0) } ?? "the dynamic linker gave no reason"
            throw manifest.failure("load", "cannot load \(path): \(reason)")
        }
        return handle
    }
}

extension Manifest {
    /// Returns whether the plugin works with a version. While the interface is a draft (major 0): exactly those that
    /// the manifest names. Later: the same major, and at least the first minor.
    package func works(with ours: UInt32) -> Bool {
        guard abi.upperBound >> 16 == ours >> 16 else { return false }
        return ours >> 16 == 0 ? abi.contains(ours) : abi.lowerBound <= ours
    }
}
