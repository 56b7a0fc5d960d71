import Base
import Testing

struct ByteAmountTests {
    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_048_524, "1023.9 KiB"), (1_048_575, "1.0 MiB"),
            (95_105_843, "90.7 MiB"), (.max, "8.0 EiB"), (-5, "0 B"),
        ] as [(Int64, String)])
    func tenthsRoundIntoTheNextUnit(bytes: Int64, text: String) { #expect(byteText(bytes) == text) }

    @Test(
        arguments: [
            (0, "0.00 KiB"), (5, "0.00 KiB"), (1152, "1.12 KiB"), (1_048_575, "1024.00 KiB"), (95_105_843, "90.70 MiB"),
            (5 << 40, "5120.00 GiB"),
        ] as [(Int64, String)])
    func hundredthsHaveThreeUnits(bytes: Int64, text: String) { #expect(byteText(bytes, .hundredths) == text) }

    @Test(
        arguments: [
            (0, "0 B"), (-5, "-5 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "2 KiB"), (28080, "27 KiB"),
            (1_048_575, "1024 KiB"), (.max, "8 EiB"),
        ] as [(Int64, String)])
    func wholeNumbersRoundAfterwards(bytes: Int64, text: String) { #expect(byteText(bytes, .whole) == text) }
}
