using System.Text;
using Net.Http3.Qpack;

namespace Net.Tests.Http3.Qpack;

[TestClass]
public sealed class HuffmanTests
{
    /// <summary>Goal: every symbol, at every bit offset, encodes and decodes to itself.</summary>
    [TestMethod]
    public void Every_symbol_comes_back_at_every_bit_offset()
    {
        for (int before = 0; before < 8; before++)
        {
            for (int symbol = 0; symbol < 256; symbol++)
            {
                // '0' has 5 bits: n of them shift what follows by 5n bits.
                string text = new string('0', before) + (char)symbol + "z";
                byte[] encoded = new byte[Huffman.EncodedLength(text)];
                Assert.AreEqual(encoded.Length, Huffman.Encode(text, encoded));
                byte[] decoded = new byte[Huffman.MaxDecodedLength(encoded.Length) + 1];
                Assert.IsTrue(Huffman.TryDecode(encoded, decoded, out int length));
                Assert.AreEqual(text, Encoding.Latin1.GetString(decoded, 0, length));
            }
        }
    }

    /// <summary>Goal: the encoder gives the bytes of RFC 7541, appendix C.4 and C.6.</summary>
    [TestMethod]
    [DataRow("www.example.com", "f1e3c2e5f23a6ba0ab90f4ff")]
    [DataRow("no-cache", "a8eb10649cbf")]
    [DataRow("custom-value", "25a849e95bb8e8b4bf")]
    [DataRow("302", "6402")]
    [DataRow("Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff")]
    [DataRow("foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1", "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007")]
    public void Texts_of_the_RFC_encode_to_its_bytes(string text, string hex)
    {
        byte[] encoded = new byte[Huffman.EncodedLength(text)];
        Huffman.Encode(text, encoded);
        Assert.AreEqual(hex, Convert.ToHexStringLower(encoded));
    }

    /// <summary>Goal: end-of-string, padding of 8 bits or more, and padding that is not ones are refused (RFC 7541, section 5.2; S65).</summary>
    [TestMethod]
    [DataRow("ffffffff", DisplayName = "end of string, 30 ones and two more")]
    [DataRow("ff", DisplayName = "8 bits of padding")]
    [DataRow("1fff", DisplayName = "a symbol of 5 bits and 11 bits of padding")]
    [DataRow("07ff", DisplayName = "a symbol of 5 bits and 11 bits of padding, all ones")]
    [DataRow("00", DisplayName = "a symbol of 5 bits and padding of zeros")]
    [DataRow("06", DisplayName = "padding that ends in a zero")]
    public void Malformed_padding_is_refused(string hex)
    {
        byte[] encoded = Convert.FromHexString(hex);
        Assert.IsFalse(Huffman.TryDecode(encoded, new byte[64], out _));
    }

    /// <summary>Goal: padding of exactly 7 ones is taken.</summary>
    [TestMethod]
    public void Padding_of_up_to_seven_ones_is_taken()
    {
        Assert.IsTrue(Huffman.TryDecode([0x07], new byte[8], out int length));
        Assert.AreEqual(1, length);
        // '0' 5 bits, ':' 7 bits, 'c' 5 bits = 17, padded by 7.
        byte[] encoded = new byte[Huffman.EncodedLength("0:c")];
        Huffman.Encode("0:c", encoded);
        Assert.HasCount(3, encoded);
        Assert.IsTrue(Huffman.TryDecode(encoded, new byte[8], out length));
        Assert.AreEqual(3, length);
    }
}
