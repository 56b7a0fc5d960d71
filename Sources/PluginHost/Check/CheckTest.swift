import Base
import CLinux
import Core
import Linux
import PluginAPI

/// The tests of `skiff plugin check`, by name; what they demand is written in Docs/plugin-guide.md.
enum CheckTest: String, CaseIterable {
    case oneSymbolExported = "one-symbol-exported"
    case manifestMatchesBinary = "manifest-matches-binary"
    case loadUnder5ms = "load-under-5ms"
    case rtldNowLocal = "rtld-now-local"
    case noRPath = "no-rpath"
    case unknownExtensionIsNull = "unknown-extension-is-null"
    case idTrailingGarbage = "id-trailing-garbage"
    case hostShorter = "host-shorter"
    case hostLonger = "host-longer"
    case hostOlderMinor = "host-older-minor"
    case hostileURIs = "hostile-uris"
    case hostileNetworks = "hostile-networks"
    case hostileDevices = "hostile-devices"
    case hostileImages = "hostile-images"
    case hostileTargets = "hostile-targets"
    case hostileVolumes = "hostile-volumes"
    case volumesRoundTrip = "volumes-round-trip"
    case flagsAreItsOwn = "flags-are-its-own"
    case parentPhases = "parent-phases"
    case childPhases = "child-phases"
    case laterPhases = "later-phases"

    typealias Verdict = (Checker.Outcome, String)

    /// Runs the test, in a process that ends afterwards.
    func run(_ checker: Checker) -> Verdict {
        do throws(SkiffError) {
            switch self {
            case .oneSymbolExported: return try exported(checker)
            case .manifestMatchesBinary: return try matches(checker)
            case .loadUnder5ms: return try loadTime(checker)
            case .rtldNowLocal: return try symbolsStayInside(checker)
            case .noRPath: return try searchPath(checker)
            case .unknownExtensionIsNull: return try answers(checker, to: ["skiff.no-such-thing/1", "", "skiff"])
            case .idTrailingGarbage:
                return try answers(
                    checker, to: [SKIFF_EXT_PHASES + "x", SKIFF_EXT_CLI + "0", SKIFF_EXT_TRANSPORT + "1"])
            case .hostShorter: return try entry(checker, hostSize: 24, abi: UInt32(SKIFF_ABI_CURRENT), mayRefuse: true)
            case .hostLonger:
                return try entry(checker, hostSize: 4096, abi: UInt32(SKIFF_ABI_CURRENT), mayRefuse: false)
            case .hostOlderMinor: return try entry(checker, hostSize: 48, abi: 0, mayRefuse: true)
            case .hostileURIs: return try resolves(checker)
            case .hostileNetworks: return try NetworkCheck(checker).run()
            case .hostileDevices: return try devices(checker)
            case .hostileImages: return try images(checker)
            case .hostileTargets: return try targets(checker)
            case .hostileVolumes: return try VolumeCheck(checker)?.hostile() ?? (.skipped, "it has no volumes")
            case .volumesRoundTrip: return try VolumeCheck(checker)?.roundTrip() ?? (.skipped, "it has no volumes")
            case .flagsAreItsOwn:
                return checker.conflicts.isEmpty
                    ? (.success, "") : (.failed, checker.conflicts.joined(separator: "; "))
            case .parentPhases: return try PhaseCheck(checker).parent()
            case .childPhases: return try PhaseCheck(checker).child()
            case .laterPhases: return try PhaseCheck(checker).later()
            }
        } catch {
            return (.failed, error.description)
        }
    }

    private func load(_ checker: Checker) throws(SkiffError) -> LoadedPlugin {
        try Loader(directory: checker.directory, trust: Trust(isPrivileged: false)).load(checker.manifest)
    }

    private func exported(_ checker: Checker) throws(SkiffError) -> Verdict {
        let names = try LibraryFacts(reading: checker.library).exported
        if names == [SKIFF_ENTRY_SYMBOL] { return (.success, "") }
        let others = names.filter { $0 != SKIFF_ENTRY_SYMBOL }
        if others.count == names.count { return (.failed, "\(SKIFF_ENTRY_SYMBOL) is not exported") }
        return (.failed, "\(others.count) more symbols are exported, such as \(others[0])")
    }

    private func matches(_ checker: Checker) throws(SkiffError) -> Verdict {
        _ = try load(checker)
        return (.success, "")
    }

    private func loadTime(_ checker: Checker) throws(SkiffError) -> Verdict {
        let before = monotonicMicroseconds()
        _ = try load(checker)
        let taken = monotonicMicroseconds() - before
        return (taken < 5000 ? .success : .failed, "\(taken) microseconds")
    }

    private func symbolsStayInside(_ checker: Checker) throws(SkiffError) -> Verdict {
        _ = try load(checker)
        // NULL is RTLD_DEFAULT: what every other library would find.
        return dlsym(nil, SKIFF_ENTRY_SYMBOL) == nil ? (.success, "") : (.failed, "its symbols are visible to others")
    }

    private func searchPath(_ checker: Checker) throws(SkiffError) -> Verdict {
        let paths = try LibraryFacts(reading: checker.library).searchPaths
        if paths.isEmpty { return (.success, "") }
        let words = "it looks for libraries in \(paths.joined(separator: ", "))"
        // A library is opened by descriptor, so its own directory is not found: harmless, but useless.
        return (paths == ["$ORIGIN"] ? .warning : .failed, words)
    }

    private func answers(_ checker: Checker, to ids: [String]) throws(SkiffError) -> Verdict {
        let plugin = try load(checker)
        for id in ids where try plugin.find(id) != nil { return (.failed, "it has a table for the id \"\(id)\"") }
        return (.success, "")
    }

    /// Asks a transport for something that nobody has. Whatever the answer, it must give a reason, and the process goes
    /// on.
    private func resolves(_ checker: Checker) throws(SkiffError) -> Verdict {
        guard !checker.manifest.schemes.isEmpty else { return (.skipped, "it has no scheme") }
        let facts = SessionFacts(request: Request(action: .exec, image: ""), installation: try Installation.current())
        let transport = try PluginTransport(
            checker.manifest, directory: checker.directory, facts: facts, trust: Trust(isPrivileged: false))
        for scheme in checker.manifest.schemes {
            for rest in [
                "", "/", "../../../etc/passwd", "a:b:c@d@e", "%00%zz\u{7}\n", String(repeating: "a/", count: 1 << 15),
            ] {
                let uri = "\(scheme)://\(rest)"
                do throws(SkiffError) {
                    _ = try transport.resolve(TransportRequest(uri: uri, architecture: "amd64", variant: ""))
                } catch {
                    guard transport.failedSilently else { continue }
                    return (.failed, "it gives no reason for \(uri.prefix(60))")
                }
            }
        }
        return (.success, "")
    }

    /// Asks for devices that nobody has. The answer is that the plugin does not know them, or a reason.
    private func devices(_ checker: Checker) throws(SkiffError) -> Verdict {
        guard checker.manifest.extensions.contains(SKIFF_EXT_DEVICES) else { return (.skipped, "it has no devices") }
        let facts = SessionFacts(request: Request(action: .exec, image: ""), installation: try Installation.current())
        let session = Session(plugin: try load(checker), facts: facts)
        var draft = PlanDraft()
        for name in ["", "=", "/=", "a/b=../../etc/passwd", "%00%zz\u{7}\n", String(repeating: "a/", count: 1 << 15)] {
            do throws(SkiffError) {
                let isTaken = try DeviceNames.ask(session, for: name, ["/nonexistent"], &draft)
                if isTaken { return (.failed, "it takes a device called \"\(name.prefix(60))\"") }
            } catch {
                guard session.plugin.failedSilently else { continue }
                return (.failed, "it gives no reason for \"\(name.prefix(60))\"")
            }
        }
        try session.during(.configure) { () throws(SkiffError) in _ = try DeviceNames.list(session, ["/nonexistent"]) }
        return (.success, "")
    }

    /// Asks about files that have the bytes of a `[probe]` block and nothing else that makes sense. The answer is that they are
    /// not the plugin's, a reason, or sections that lie in the file.
    private func images(_ checker: Checker) throws(SkiffError) -> Verdict {
        guard checker.manifest.extensions.contains(SKIFF_EXT_IMAGE_FORMAT) else {
            return (.skipped, "it knows no image format")
        }
        let task = ImageFormatTask(
            manifest: checker.manifest, directory: checker.directory, installation: try Installation.current(),
            configuration: { _ in [] }, trust: Trust(isPrivileged: false))
        let facts = SessionFacts(request: Request(action: .exec, image: ""), installation: task.installation)
        let session = Session(plugin: try load(checker), facts: facts)
        for probe in checker.manifest.probes where probe.offset < 1 << 20 {
            for (size, filler) in [(0, 0), (64, 0x20), (8192, 0), (8192, 0xFF), (8192, 0x31)] as [(Int, UInt8)] {
                var bytes = [UInt8](repeating: filler, count: Int(probe.offset) + probe.bytes.count + size)
                bytes.replaceSubrange(Int(probe.offset)..<Int(probe.offset) + probe.bytes.count, with: probe.bytes)
                let file = try during("cannot make a file") { () throws(Errno) in try makeMemoryFile("image", bytes) }
                do throws(SkiffError) {
                    try task.describe(file.raw, bytes, session)?.check(size: Int64(bytes.count))
                } catch {
                    guard session.plugin.failedSilently else { continue }
                    return (.failed, "it gives no reason for a file of \(bytes.count) bytes")
                }
            }
        }
        return (.success, "")
    }

    /// Has a plugin write a file of images that are none. The answer is a reason, or a file.
    private func targets(_ checker: Checker) throws(SkiffError) -> Verdict {
        if checker.manifest.targets.isEmpty { return (.skipped, "it writes no targets") }
        let facts = SessionFacts(request: Request(action: .exec, image: ""), installation: try Installation.current())
        let plugin = try PluginTransport(
            checker.manifest, directory: checker.directory, facts: facts, trust: Trust(isPrivileged: false))
        for bytes in [[], [0], Array("#!/usr/bin/env run-singularity\n".utf8), [UInt8](repeating: 0xFF, count: 65536)] {
            for end in checker.manifest.targets {
                let image = try during("cannot make a file") { () throws(Errno) in try makeMemoryFile("image", bytes) }
                let target = try during("cannot make a file") { () throws(Errno) in try makeMemoryFile("target", []) }
                let request = TargetImage(
                    file: image.raw, size: Int64(bytes.count), digest: "sha256:" + String(repeating: "0", count: 64),
                    path: "check\(end)")
                do throws(SkiffError) {
                    guard try plugin.write(request, to: target.raw) else { continue }
                    let size = try during("cannot look at a file") { () throws(Errno) in try status(of: target.raw).size
                    }
                    if size == 0 { return (.failed, "it says that it has written \(end), and has written nothing") }
                } catch {
                    guard plugin.failedSilently else { continue }
                    return (.failed, "it gives no reason for an image of \(bytes.count) bytes")
                }
            }
        }
        return (.success, "")
    }

    /// Calls the entry function with a host of another size or age. It may refuse the host, but not believe it.
    private func entry(_ checker: Checker, hostSize: Int, abi: UInt32, mayRefuse: Bool) throws(SkiffError) -> Verdict {
        typealias Entry =
            @convention(c) (
                UInt32, UnsafePointer<skiff_host>?, UnsafeMutablePointer<UnsafePointer<skiff_plugin>?>?
            ) -> Int32
        let handle = dlopen(checker.library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)
        guard let handle, let symbol = dlsym(handle, SKIFF_ENTRY_SYMBOL) else {
            return (.failed, "it cannot be loaded")
        }
        let known = makeHost(for: PluginDiagnostics(id: checker.manifest.id))
        // Bytes after a shorter host are not mapped as functions; after a longer one they are something.
        let place = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 16)
        place.initializeMemory(as: UInt8.self, repeating: hostSize < 48 ? 0 : 0xA5, count: 4096)
        place.copyMemory(from: known, byteCount: min(hostSize, MemoryLayout<skiff_host>.size))
        place.storeBytes(of: UInt32(hostSize), as: UInt32.self)
        place.storeBytes(of: abi, toByteOffset: 4, as: UInt32.self)
        var object: UnsafePointer<skiff_plugin>?
        let status = unsafeBitCast(symbol, to: Entry.self)(
            abi, UnsafePointer(place.assumingMemoryBound(to: skiff_host.self)), &object)
        if status == SKIFF_OK { return object == nil ? (.failed, "it said OK and gave nothing") : (.success, "") }
        return mayRefuse && status < 0 ? (.success, "it refuses") : (.failed, "it refuses: \(statusName(status))")
    }
}
