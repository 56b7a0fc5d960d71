import Base
import Linux
import Shell

/// Checks whether a program of the image, or what the kernel takes for its interpreter, leads out of the image.
///
/// `/proc/self/exe` as `#!` line, as PT_INTERP, or at the end of links is skiff itself until execve(2) has succeeded.
/// skiff would then run with the libraries of the image, which has its file open and, where it belongs to the user, may
/// write to it (CVE-2019-5736). Only magic links of /proc lead there, and files of the container are looked up without
/// them.
struct InterpreterCheck {
    let files: any RootFiles

    /// How often the kernel goes from script to script; BINPRM_MAX_RECURSION.
    private static let mostScripts = 5

    /// Returns why the program must not be executed; nil if nothing speaks against it. Missing files are left to the
    /// kernel.
    func obstacle(to program: [UInt8]) -> SkiffError? {
        if leadsOut(program) { return SkiffError("exec \(String(bytes: program)) failed: it leads out of the image") }
        var current = program
        for _ in 0..<Self.mostScripts {
            let script = ExecFallback(files: files).interpreter(of: current)?.first
            guard let interpreter = script ?? ELFInterpreter.path(of: current, files) else { return nil }
            if leadsOut(interpreter) {
                return SkiffError(
                    "exec \(String(bytes: program)) failed: its interpreter \(String(bytes: interpreter)) leads out of the image"
                )
            }
            if script == nil { return nil }
            current = interpreter
        }
        return nil
    }

    private func leadsOut(_ path: [UInt8]) -> Bool {
        do throws(Errno) {
            _ = try files.status(path)
            return false
        } catch {
            // openat2(2) RESOLVE_NO_MAGICLINKS; also for circular links, which the kernel refuses in the same way.
            return error == .tooManySymlinks
        }
    }
}

/// The program that the kernel loads to start an ELF program, ld.so(8): the segment PT_INTERP; elf(5).
enum ELFInterpreter {
    private static let interpreterSegment: UInt64 = 3
    /// PATH_MAX, the kernel's limit.
    private static let longest: UInt64 = 4096
    private static let mostSegments = 1024

    /// Returns nil for a file that has none, or that the kernel would not load.
    static func path(of program: [UInt8], _ files: any RootFiles) -> [UInt8]? {
        guard let head = try? files.bytes(program, at: 0, count: 64), let header = ELFHeader(head) else { return nil }
        let isWide = header.width == 2
        let reader = Fields(isBigEndian: header.isBigEndian)
        let size = isWide ? 56 : 32
        guard let start = isWide ? reader.number(head, 32, 8) : reader.number(head, 28, 4),
            let count = reader.number(head, isWide ? 56 : 44, 2), count <= mostSegments,
            let place = Int64(exactly: start),
            let table = try? files.bytes(program, at: place, count: size * Int(count))
        else { return nil }
        for entry in stride(from: 0, to: table.count - size + 1, by: size) {
            guard reader.number(table, entry, 4) == interpreterSegment,
                let offset = isWide ? reader.number(table, entry + 8, 8) : reader.number(table, entry + 4, 4),
                let length = isWide ? reader.number(table, entry + 32, 8) : reader.number(table, entry + 16, 4),
                length <= longest, let offset = Int64(exactly: offset),
                let bytes = try? files.bytes(program, at: offset, count: Int(length))
            else { continue }
            return Array(bytes.prefix { $0 != 0 })
        }
        return nil
    }

    private struct Fields {
        let isBigEndian: Bool

        func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64? {
            guard offset >= 0, offset + size <= bytes.count else { return nil }
            let field = bytes[offset..<offset + size]
            return (isBigEndian ? Array(field) : field.reversed()).reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
