import CLinux
import Linux
import PluginAPI
import TestSupport
import Testing

/// The layout of the interface as the compiler made it, one `struct.field offset` or `struct size` a line.
private func layoutLines() -> [String] {
    var lines: [String] = []
    var cursor = skl_layout()
    while let line = cursor?.pointee, let type = line.type {
        let field = line.field.map { "." + String(cString: $0) } ?? ""
        lines.append(String(cString: type) + field + " \(line.value)")
        cursor = cursor?.advanced(by: 1)
    }
    return lines
}

@Test func layoutIsTheGoldenOne() throws {
    let golden = try readFile(repository + "/Tests/ABI/layout-0.2.txt")
    #expect(layoutLines() == String(decoding: golden, as: UTF8.self).split(separator: "\n").map(String.init))
}

/// A field that a header has and the table lacks would not be held still.
@Test func layoutTableKnowsEveryStruct() throws {
    let folder = repository + "/Sources/PluginAPI/include/skiff"
    let known = layoutLines().filter { !$0.contains(".") }.map { String($0.split(separator: " ")[0]) }
    var declared: [String] = []
    for place in ["", "/host", "/ext", "/ext/draft"] {
        let directory = try open(folder + place, O_RDONLY | O_DIRECTORY)
        for entry in try entries(of: directory.raw) where entry.text.hasSuffix(".h") {
            let text = String(decoding: try readFile(folder + place + "/" + entry.text), as: UTF8.self)
            for line in text.split(separator: "\n") where line.hasSuffix("{") && line.contains("struct skiff_") {
                let words = line.split(separator: " ")
                if let place = words.firstIndex(of: "struct") { declared.append(String(words[place + 1])) }
            }
        }
    }
    #expect(declared.sorted() == known.sorted())
}
