import CLinux
import Linux

/// The interpreters that the host has registered for kinds of programs, as Wine and QEMU do; Documentation/admin-guide/
/// binfmt-misc.rst of Linux. Without the flag F the kernel looks for them where the program is: in the image.
struct RegisteredInterpreters {
    let paths: [[UInt8]]

    /// BINFMTFS_MAGIC of linux/magic.h.
    private static let magic: UInt64 = 0x4249_4E4D
    /// In bytes; entries are written by root.
    private static let longestEntry = 8192

    /// Those of this host. Must be read outside of the container, whose /proc may not show them.
    static func ofHost() -> RegisteredInterpreters {
        let place = "/proc/sys/fs/binfmt_misc"
        // By its path alone: opening it to read would have systemd mount it.
        guard let found = try? open(place, SKL_O_PATH | O_DIRECTORY), (try? filesystemType(of: found.raw)) == magic
        else { return RegisteredInterpreters(paths: []) }
        return RegisteredInterpreters(reading: place)
    }

    init(paths: [[UInt8]]) { self.paths = paths }

    /// - Parameter place: where the file system is mounted.
    init(reading place: String) {
        var found: [[UInt8]] = []
        if let directory = try? open(place, O_RDONLY | O_DIRECTORY), let names = try? entries(of: directory.raw) {
            for name in names where name.text != "register" && name.text != "status" {
                guard let text = try? readFile(name.text, at: directory.raw, limit: Self.longestEntry),
                    let path = Self.interpreter(text)
                else { continue }
                found.append(path)
            }
        }
        paths = found
    }

    /// Returns the path of an entry that is looked up in the image; nil where it is not in use, or was opened when it was
    /// registered.
    private static func interpreter(_ entry: [UInt8]) -> [UInt8]? {
        let lines = entry.split(separator: ASCII.newline)
        func value(_ key: String) -> ArraySlice<UInt8>? {
            lines.first { $0.starts(with: key.utf8) }.map { $0.dropFirst(key.utf8.count) }
        }
        guard lines.first?.elementsEqual("enabled".utf8) == true, let path = value("interpreter "),
            value("flags: ")?.contains(UInt8(ascii: "F")) != true
        else { return nil }
        return Array(path)
    }
}
