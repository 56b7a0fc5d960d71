import ELF
import Linux
import TestSupport
import Testing

/// /etc/ld.so.cache, in both of its formats.
@Suite struct LinkerCacheTests {
    private struct Entry: Equatable {
        var name: String
        var path: String
    }

    private func entries(_ bytes: [UInt8]) throws(LinkerCache.Malformed) -> [Entry] {
        var entries: [Entry] = []
        try LinkerCache.read(bytes) { name, path in
            entries.append(
                Entry(name: String(decoding: name, as: UTF8.self), path: String(decoding: path, as: UTF8.self)))
        }
        return entries
    }

    @Test func readsTheCacheOfThisHost() throws {
        let found = try entries(try readFile("/etc/ld.so.cache"))
        #expect(found.contains { $0.name == "libc.so.6" })
        #expect(
            found.allSatisfy { $0.path.hasPrefix("/") && $0.path.hasSuffix(".so") || $0.path.contains(".so.") })
    }

    @Test(arguments: ["new", "old", "both"])
    func readsBothFormats(name: String) throws {
        let folder = repository + "/Tests/Fuzz/LinkerCache/seeds"
        let found = try entries(try readFile("\(folder)/\(name)"))
        #expect(
            found == [
                Entry(name: "libcuda.so.1", path: "/usr/lib/libcuda.so.1"),
                Entry(name: "libc.so.6", path: "/lib/libc.so.6"),
            ])
        // A shorter file lacks something: an error at most, never a trap or an entry from outside. Of a double one the old
        // half is left, which says something else.
        if name == "both" { return }
        let bytes = try readFile("\(folder)/\(name)")
        for count in 0..<bytes.count {
            let short = try? entries(Array(bytes[..<count]))
            #expect(short?.allSatisfy { found.contains($0) } != false)
        }
    }

    @Test func refusesLies() {
        let head = Array("glibc-ld.so.cache1.1".utf8)
        func parse(_ tail: [UInt8]) -> LinkerCache.Malformed? {
            do throws(LinkerCache.Malformed) {
                _ = try entries(head + tail)
                return nil
            } catch {
                return error
            }
        }
        let rest = [UInt8](repeating: 0, count: 24)
        #expect(parse([0xFF, 0xFF, 0xFF, 0xFF] + rest) == LinkerCache.Malformed(offset: 20))
        // One entry whose name lies far behind the file.
        let entry: [UInt8] = [3, 3, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 16)
        #expect(parse([1, 0, 0, 0] + rest + entry) != nil)
        // A name that never ends.
        let open: [UInt8] = [3, 3, 0, 0, 72, 0, 0, 0, 72, 0, 0, 0] + [UInt8](repeating: 0, count: 12) + [0x61, 0x62]
        #expect(parse([1, 0, 0, 0] + rest + open) != nil)
    }
}
