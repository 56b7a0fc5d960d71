import TestSupport
import Testing

/// What umoci makes of the same images.
@Suite struct CompareTests {
    @Test(.needs(.python, .umoci, .skopeo, .unsquashfs)) func treesAreThoseOfUmoci() throws {
        let result = try command(
            [repository + "/Tests/Peers/compare-layers", "--quick"], environment: ["PROBE": product("layer-probe")],
            seconds: 300)
        #expect(result.status == 0, "\(result)")
        #expect(result.text.contains(" images, 0 differ"))
    }
}
