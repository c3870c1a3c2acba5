using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Data;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class RosterTests
{
    private static readonly X509Certificate2 s_authority = Certificates.MakeAuthority("Test", DateTimeOffset.UtcNow);
    private static readonly X509Certificate2 s_stranger = Certificates.MakeAuthority("Test", DateTimeOffset.UtcNow);
    private static readonly string s_print = new('a', 64);

    /// <summary>Goal: what an authority has signed comes back as it was; a member is its name and its certificate together.</summary>
    [TestMethod]
    public void A_roster_comes_back_and_admits_its_members()
    {
        Assert.IsTrue(Roster.TryRead(Sample().Text, [s_stranger, s_authority], out Roster? roster));
        Assert.AreEqual((7ul, 2ul, Sample().Entries.Count), (roster.Generation, roster.Rotation, roster.Entries.Count));
        Assert.IsTrue(roster.Admits("a", s_print));
        Assert.IsFalse(roster.Admits("a", new('b', 64)), "another certificate");
        Assert.IsFalse(roster.Admits("b", s_print), "removed");
        Assert.IsFalse(roster.Admits("c", s_print), "never was");
        Assert.AreEqual((true, false, true, false), (roster.Has("a"), roster.Has("b"), roster.WasRemoved("b"), roster.WasRemoved("c")));
    }

    /// <summary>Goal: no changed character, no other signer, no cut and no addition is taken.</summary>
    [TestMethod]
    public void A_changed_roster_is_none()
    {
        string text = Sample().Text;
        X509Certificate2Collection authorities = [s_authority];
        Assert.IsFalse(Roster.TryRead(text, [s_stranger], out _));
        for (int i = 0; i < text.Length; i++)
        {
            foreach (char other in "x/ B")
            {
                string changed = text[..i] + (text[i] == other ? 'y' : other) + text[(i + 1)..];
                Assert.IsFalse(Roster.TryRead(changed, authorities, out _), $"{other} at {i}");
            }
        }

        for (int i = 0; i < text.Length; i += 3)
        {
            Assert.IsFalse(Roster.TryRead(text[..i], authorities, out _), $"cut at {i}");
        }

        Assert.IsFalse(Roster.TryRead(text + "x", authorities, out _));
        Assert.IsFalse(Roster.TryRead(text + text, authorities, out _));
        Assert.IsFalse(Roster.TryRead(new string('x', Roster.MaxLength + 1), authorities, out _));
        Assert.IsFalse(Roster.TryRead("", authorities, out _));
        Assert.IsFalse(Roster.TryRead("\nsignature \n", authorities, out _));
    }

    /// <summary>Goal: even what is signed is read with care: names are names, nobody is there twice.</summary>
    [TestMethod]
    public void A_signed_roster_of_nonsense_is_none()
    {
        Assert.IsFalse(Roster.TryRead(Roster.Sign(1, 0, [new("Not a name", s_print, false)], s_authority).Text, [s_authority], out _));
        Assert.IsFalse(Roster.TryRead(Roster.Sign(1, 0, [new("a", "short", false)], s_authority).Text, [s_authority], out _));
        Assert.ThrowsExactly<ArgumentException>(() => Roster.Sign(1, 0, Enumerable.Range(0, Roster.MaxEntries + 1).Select(i => new RosterEntry($"n{i}", s_print, false)), s_authority));
        Assert.IsTrue(Roster.TryRead(Roster.Sign(1, 0, Enumerable.Range(0, Roster.MaxEntries).Select(i => new RosterEntry($"n{i}", s_print, false)), s_authority).Text, [s_authority], out _));
    }

    private static Roster Sample() => Roster.Sign(7, 2, [new("b", s_print, true), new("a", s_print, false)], s_authority);
}
