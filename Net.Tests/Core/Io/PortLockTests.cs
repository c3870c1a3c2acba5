using Net.Core.Io;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class PortLockTests
{
    /// <summary>Goal: one holder per address and port at a time; other ports and addresses are not in its way; the end of the holder frees it.</summary>
    [TestMethod]
    public void A_port_has_one_holder_at_a_time()
    {
        string directory = Directory.CreateTempSubdirectory("portlock").FullName;
        try
        {
            Assert.IsTrue(UdpAddress.TryParse("[::]:4433", out UdpAddress address));
            Assert.IsTrue(UdpAddress.TryParse("127.0.0.1:4433", out UdpAddress other));
            using (PortLock.Take(address, directory))
            {
                AddressInUseException refused = Assert.ThrowsExactly<AddressInUseException>(() => PortLock.Take(address, directory));
                Assert.AreEqual("[::]:4433 is in use", refused.Message);
                PortLock.Take(other, directory).Dispose();
                PortLock.Take(address.WithPort(4434), directory).Dispose();
            }

            PortLock.Take(address, directory).Dispose();
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Goal: network namespaces that share a temporary directory are not in each other's way; on Linux this process's own is known.</summary>
    [TestMethod]
    public void Each_network_has_its_own_ports()
    {
        Assert.IsTrue(UdpAddress.TryParse("127.0.0.1:4433", out UdpAddress address));
        string directory = Directory.CreateTempSubdirectory("portlock").FullName;
        try
        {
            PortLock.Take(address, directory).Dispose();
            string name = Path.GetFileName(Directory.GetFiles(directory).Single());
            Assert.AreEqual(PortLock.FileName(address, OperatingSystem.IsLinux() ? name.Split('-')[2] + "-" : null), name);
            Assert.AreEqual(OperatingSystem.IsLinux(), ulong.TryParse(name.Split('-')[2], out _), name);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Goal: a host without a usable temporary directory can still bind.</summary>
    [TestMethod]
    public void A_missing_directory_is_no_obstacle()
    {
        Assert.IsTrue(UdpAddress.TryParse("127.0.0.1:4433", out UdpAddress address));
        PortLock.Take(address, Path.Combine(Path.GetTempPath(), "no-such-directory-of-continuum")).Dispose();
    }
}
