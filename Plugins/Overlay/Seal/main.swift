import Base
import CLinux
import Extfs
import Linux
import SquashfsWriter

// `skiff-seal OFFSET SIZE`: packs the overlay in a part of the file that is descriptor 3 as squashfs into the empty file that is
// descriptor 4. Started by the Overlay plugin of skiff.

private func seal(_ words: [String]) throws {
    guard words.count == 3, let offset = Int64(words[1]), let size = Int64(words[2]), offset >= 0, size > 0 else {
        throw SkiffError("it is started by skiff only")
    }
    var options = SquashfsOptions()
    options.hintWhenFull = "It needs as much room as the packed overlay beside the image"
    let source = try ExtfsReader(
        OwnedFD(adopting: 3), ByteRange(offset: offset, size: size), leavesOutLostAndFound: true)
    let image = try SquashfsAssembly(output: 4, offset: 0, options: options)
    let tree = try SealedTree(source, top: "upper", into: image)
    _ = try image.finish(tree)
    if tree.lost > 0 {
        printError("\(tree.lost) access control lists are lost: squashfs has none")
    }
}

private func printError(_ text: String) { try? writeFully(2, Array((text + "\n").utf8)) }

do {
    try seal(processArguments())
} catch {
    printError("\(error)")
    exit(1)
}
