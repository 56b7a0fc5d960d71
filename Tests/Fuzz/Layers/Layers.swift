import Archive
import OCI

/// Layers are foreign: any members in any order must give a tree or an error. Archives are libarchive's to read, and their
/// checksums would keep a fuzzer out, so the input is lines: `kind path` and for links a tab and the target; a line `-`
/// begins the next layer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLayers(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let tree = merge(bytes)
    precondition(tree.isConsistent, "the tree contradicts itself")
    #if FUZZ_CANARY
    precondition(tree.mostNames < 3, "the planted bug: a file with three names")
    #endif
    let again = merge(bytes)
    precondition(tree.count == again.count, "the same layers gave another tree")
    return 0
}

private func merge(_ bytes: [UInt8]) -> LayerTree {
    var limits = LayerLimits()
    limits.names = 1 << 16
    let tree = LayerTree(limits: limits)
    var layer: UInt16 = 0
    var merge = LayerMerge(tree, layer: layer)
    for line in bytes.split(separator: 0x0A) {
        if line.elementsEqual([0x2D]) {
            layer &+= 1
            guard layer < UInt16(LayerTree.mostLayers) else { break }
            merge = LayerMerge(tree, layer: layer)
            continue
        }
        guard let kind = line.first, line.count > 2 else { continue }
        let parts = line.dropFirst(2).split(separator: 0x09, maxSplits: 1, omittingEmptySubsequences: false).map(
            Array.init)
        let target = parts.count > 1 ? parts[1] : []
        var entry = TarEntry(path: parts[0], kind: .file, size: 1)
        switch kind {
        case 0x64: entry.kind = .directory
        case 0x73: entry.kind = .symlink(target)
        case 0x68: entry.kind = .hardLink(target)
        case 0x70: entry.kind = .pipe
        case 0x78: entry.xattrs = [.init(name: Array("user.x".utf8), value: target)]
        default: break
        }
        // What cannot be applied is left out: more comes of an input than of its first lines.
        do throws(LayerError) { _ = try merge.apply(entry) } catch { continue }
    }
    return tree
}
