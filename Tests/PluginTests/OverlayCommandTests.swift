import PluginKit
import Testing

@testable import OverlayPlugin

struct OverlayCommandTests {
    @Test func sizesHaveUnits() throws {
        let wanted: [(String, Int64)] = [
            ("64", 64 << 20), ("64m", 64 << 20), ("64MiB", 64 << 20), ("1G", 1 << 30), ("2TB", 2 << 40),
            ("16T", 16 << 40),
        ]
        for (text, bytes) in wanted { #expect(try OverlaySize(text).bytes == bytes, "\(text)") }
        for text in [
            "", "M", "1.5G", "0x40", "64 M", "+64", "64K", "1P", "٣", "--5", "17T", "99999999999999999999",
            "9223372036854775807T",
        ] {
            #expect(throws: PluginError.self, "\(text)") { try OverlaySize(text) }
        }
        for text in ["0", "63", "-5", "0G"] {
            do throws(PluginError) {
                _ = try OverlaySize(text)
                Issue.record("\(text)")
            } catch {
                #expect(error.message == "image size must be equal or greater than 64 MiB")
            }
        }
    }

    @Test func sizesAreReadable() {
        #expect(
            [512, 1536, 64 << 20, 96 << 20, 3 << 29, 2 << 40].map(readableSize) == [
                "512 B", "1.5 KiB", "64 MiB", "96 MiB", "1.5 GiB", "2 TiB",
            ])
    }

    @Test func directoriesStayInside() throws {
        for (text, names) in [("/a//b/", ["a", "b"]), ("a/../b", ["b"]), ("./.", []), ("", []), ("...", ["..."])] {
            #expect(try OverlaySkeleton.names(in: text, "/t") == names)
        }
        for text in ["..", "/..", "a/../..", "a/b/../../../c"] {
            #expect(throws: PluginError.self) { try OverlaySkeleton.names(in: text, "/t") }
        }
    }

    @Test func superblocksAreBounded() {
        var bytes = [UInt8](repeating: 0, count: 2048)
        #expect(ExtSuperblock(bytes) == nil)
        (bytes[1080], bytes[1081]) = (0x53, 0xEF)
        (bytes[1028], bytes[1024 + 0x5C], bytes[1024 + 0x60]) = (8, 4, 2)
        #expect(ExtSuperblock(bytes)?.type == "ext3" && ExtSuperblock(bytes)?.size == 8192)
        #expect(ExtSuperblock(Array(bytes.dropLast())) == nil)
        bytes[1024 + 0x5C] = 0
        #expect(ExtSuperblock(bytes)?.type == "ext2")
        bytes[1024 + 0x60] = 0xC2
        #expect(ExtSuperblock(bytes)?.type == "ext4")
        for index in 0..<4 { (bytes[1028 + index], bytes[1024 + 0x150 + index]) = (0xFF, 0xFF) }
        #expect(ExtSuperblock(bytes) == nil)
        bytes[1024 + 0x18] = 200
        #expect(ExtSuperblock(bytes) == nil)
    }
}
