/// `nvliblist.conf`: the files of the driver that go into a container.
///
/// One name per line, `#` begins a comment. A name that contains `.so` is the beginning of a library's name, or a path
/// to one; any other absolute path is a plain file; the rest are programs. Docs/spec/runtime.md §8.
package struct LibraryList: Sendable, Equatable {
    package private(set) var libraries: [String] = []
    package private(set) var libraryPaths: [String] = []
    package private(set) var programs: [String] = []
    package private(set) var files: [String] = []

    package init(parsing bytes: [UInt8]) {
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let name = line.prefix { $0 != UInt8(ascii: "#") }.split { $0 == 0x20 || $0 == 0x09 }
            // A line with several words is not a name; a path cannot contain NUL.
            guard name.count == 1, let word = name.first, !word.contains(0),
                let text = String(validating: word, as: UTF8.self)
            else { continue }
            add(text)
        }
    }

    private mutating func add(_ name: String) {
        let isPath = name.utf8.first == UInt8(ascii: "/")
        if name.utf8.containsLibrarySuffix {
            if isPath { libraryPaths.append(name) } else { libraries.append(name) }
        } else if isPath {
            files.append(name)
        } else if !name.utf8.contains(UInt8(ascii: "/")) {
            programs.append(name)
        }
    }
}

extension String.UTF8View {
    /// Whether it contains `.so`. Names are compared as bytes everywhere in this plugin: file names are not text, and
    /// the Unicode tables would make the library a fifth larger.
    var containsLibrarySuffix: Bool {
        var window: (UInt8, UInt8) = (0, 0)
        for byte in self {
            if window.0 == UInt8(ascii: "."), window.1 == UInt8(ascii: "s"), byte == UInt8(ascii: "o") { return true }
            window = (window.1, byte)
        }
        return false
    }
}
