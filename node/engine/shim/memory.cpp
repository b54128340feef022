/*  Memory: counted on the CPU, asked of LibTorch's allocator on other devices.
 *
 *  LibTorch has one CPU allocator in a process, so the counting one that takes its place is
 *  process-wide too: installed by the first context, and never removed, because tensors of any age
 *  are freed through it. It keeps an allocation's size in front of it. What oneDNN and OpenMP take
 *  for themselves goes past LibTorch's allocator and is not seen here.
 *
 *  Large blocks that are freed are held for the next tensor of just that size, as a model makes
 *  them again at every layer: the system would clear and map each of their pages anew, which takes
 *  longer than what is computed in them. With what is held the process has at most a quarter more
 *  than it once had in tensors, and no more is held than an eighth of the machine. aten_trim and a
 *  context's end give it back.
 *
 *  A limit holds for the thread whose call is in progress (memory_limit_t); the bytes that it is
 *  compared with are the whole process's.
 */
#include "node/engine/shim/internal.hpp"

#include <c10/core/Allocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/alignment.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace
{

constexpr size_t head_size = c10::gAlignment;
static_assert (head_size >= sizeof (uint64_t));

/*  Of one tensor. More is a fault, and not for malloc to find out. */
constexpr size_t size_max = size_t{1} << 39;

std::atomic<uint64_t> s_allocated;
std::atomic<uint64_t> s_peak;
thread_local uint64_t t_limit;

std::string mib (uint64_t bytes)
{
    char text[48];
    snprintf (text, sizeof (text), "%.1f MiB", (double)bytes / (1 << 20));
    return text;
}

[[noreturn]] void throw_out_of_memory (uint64_t wanted, uint64_t available,
                                       const std::string &where)
{
    C10_THROW_ERROR (OutOfMemoryError, "out of memory: " + mib (wanted) + " wanted, " +
                                           mib (available) + " free " + where);
}

uint64_t host_total ()
{
    long pages = sysconf (_SC_PHYS_PAGES);
    long page = sysconf (_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

/*  Bytes that the kernel could still give, or 0 if it does not say. */
uint64_t host_available ()
{
    FILE *file = fopen ("/proc/meminfo", "re");
    if (!file)
        return 0;
    char line[128];
    uint64_t kib = 0;
    while (fgets (line, sizeof (line), file) && sscanf (line, "MemAvailable: %" SCNu64, &kib) != 1)
        ;
    fclose (file);
    return kib * 1024;
}

/*  The blocks that are held. Under AddressSanitizer there are none, so that it sees every free. */
class held_t
{
  public:
    /*  A block of `size` bytes or null; then all are given back if a new one would make the process
     *  a quarter larger than it has been. */
    void *take (uint64_t size)
    {
        if (size < size_min)
            return nullptr;
        std::lock_guard<std::mutex> lock (m_mutex);
        uint64_t then = s_allocated.load () + size;
        auto found = m_blocks.find (size);
        if (found != m_blocks.end () && !found->second.empty ()) {
            void *head = found->second.back ();
            found->second.pop_back ();
            m_bytes -= size;
            return head;
        }
        if (m_bytes > 0 && then + m_bytes > m_highest + m_highest / 4)
            clear ();
        m_highest = std::max (m_highest, then);
        return nullptr;
    }

    /*  False if the block is not taken. */
    bool give (void *head, uint64_t size)
    {
        if (size < size_min)
            return false;
        std::lock_guard<std::mutex> lock (m_mutex);
        if (size > m_most)
            return false;
        if (m_bytes + size > m_most)
            clear ();
        try {
            m_blocks[size].push_back (head);
        } catch (...) {
            return false;
        }
        m_bytes += size;
        return true;
    }

    void trim ()
    {
        std::lock_guard<std::mutex> lock (m_mutex);
        clear ();
    }

    uint64_t bytes ()
    {
        std::lock_guard<std::mutex> lock (m_mutex);
        return m_bytes;
    }

  private:
    static constexpr uint64_t size_min = 1 << 20;

    void clear ()
    {
        for (auto &[size, blocks] : m_blocks)
            for (void *head : blocks)
                free (head);
        m_blocks.clear ();
        m_bytes = 0;
    }

    std::mutex m_mutex;
    std::unordered_map<uint64_t, std::vector<void *>> m_blocks;
    uint64_t m_bytes = 0;
    uint64_t m_highest = 0; /* bytes of tensors at once, ever */
#ifdef __SANITIZE_ADDRESS__
    uint64_t m_most = 0;
#else
    uint64_t m_most = host_total () / 8;
#endif
};

/*  Never destroyed: tensors may be freed after main has returned. */
held_t &held ()
{
    static auto *blocks = new held_t;
    return *blocks;
}

void count_up (uint64_t size)
{
    uint64_t now = s_allocated.fetch_add (size) + size;
    uint64_t peak = s_peak.load ();
    while (now > peak && !s_peak.compare_exchange_weak (peak, now))
        ;
}

void release (void *data)
{
    if (!data)
        return;
    char *head = static_cast<char *> (data) - head_size;
    uint64_t size = *reinterpret_cast<uint64_t *> (head);
    s_allocated.fetch_sub (size);
    if (!held ().give (head, size))
        free (head);
}

/*  Or null. */
void *allocate_block (size_t size)
{
    void *head = nullptr;
    if (posix_memalign (&head, head_size, size + head_size) == 0)
        return head;
    held ().trim ();
    return posix_memalign (&head, head_size, size + head_size) == 0 ? head : nullptr;
}

class counting_allocator_t final : public c10::Allocator
{
  public:
    c10::DataPtr allocate (size_t size) override
    {
        if (size == 0)
            return {nullptr, nullptr, &release, at::kCPU};
        uint64_t used = s_allocated.load ();
        if (t_limit && (used > t_limit || size > t_limit - used))
            throw_out_of_memory (size, t_limit > used ? t_limit - used : 0,
                                 "within the limit of " + mib (t_limit));
        if (size > size_max)
            throw_out_of_memory (size, host_available (), "on the host");
        void *head = held ().take (size);
        if (!head && !(head = allocate_block (size)))
            throw_out_of_memory (size, host_available (), "on the host");
        *static_cast<uint64_t *> (head) = size;
        count_up (size);
        void *data = static_cast<char *> (head) + head_size;
        return {data, data, &release, at::kCPU};
    }

    c10::DeleterFnPtr raw_deleter () const override
    {
        return &release;
    }

    void copy_data (void *dest, const void *src, std::size_t count) const override
    {
        default_copy_data (dest, src, count);
    }
};

void memory_of_host (aten_memory_t *out)
{
    out->allocated = s_allocated.load ();
    out->peak = s_peak.load ();
    out->total = host_total ();
    out->available = host_available ();
    out->available += out->available ? held ().bytes () : 0;
}

void memory_of_device (const aten_t *c, aten_memory_t *out)
{
    c10::DeviceAllocator *allocator = c10::getDeviceAllocator (c->device.type ());
    auto stats = allocator->getDeviceStats (c->device.index ());
    auto aggregate = static_cast<size_t> (c10::CachingAllocator::StatType::AGGREGATE);
    out->allocated = (uint64_t)stats.allocated_bytes[aggregate].current;
    out->peak = (uint64_t)stats.allocated_bytes[aggregate].peak;
    auto [free_bytes, total] = allocator->getMemoryInfo (c->device.index ());
    out->total = total;
    /* What the allocator holds but no tensor uses can be had again. */
    uint64_t reserved = (uint64_t)stats.reserved_bytes[aggregate].current;
    out->available = free_bytes + (reserved > out->allocated ? reserved - out->allocated : 0);
}

} // namespace

namespace shim
{

memory_limit_t::memory_limit_t (uint64_t bytes) : m_before (t_limit)
{
    t_limit = bytes;
}

memory_limit_t::~memory_limit_t ()
{
    t_limit = m_before;
}

void memory_trim ()
{
    held ().trim ();
}

void memory_install ()
{
    static std::once_flag once;
    std::call_once (once, [] {
        static auto *allocator = new counting_allocator_t;
        c10::SetAllocator (at::kCPU, allocator, 1);
    });
}

void memory_check (const aten_t *c)
{
    auto stats = c10::getDeviceAllocator (c->device.type ())->getDeviceStats (c->device.index ());
    auto aggregate = static_cast<size_t> (c10::CachingAllocator::StatType::AGGREGATE);
    uint64_t held = (uint64_t)stats.allocated_bytes[aggregate].current;
    if (held > c->limit)
        throw_out_of_memory (held - c->limit, 0, "within the limit of " + mib (c->limit));
}

} // namespace shim

void aten_memory (const aten_t *c, aten_memory_t *out)
{
    *out = {};
    if (!c)
        return;
    try {
        if (c->device.is_cpu ())
            memory_of_host (out);
        else
            memory_of_device (c, out);
    } catch (...) {
        *out = {}; /* unknown */
        return;
    }
    if (c->limit) {
        uint64_t left = c->limit > out->allocated ? c->limit - out->allocated : 0;
        out->available = out->available ? std::min (out->available, left) : left;
    }
}

void aten_memory_reset (aten_t *c)
{
    shim::attempt (c, __func__, {}, {}, [&] {
        if (c->device.is_cpu ())
            s_peak.store (s_allocated.load ());
        else
            c10::getDeviceAllocator (c->device.type ())->resetPeakStats (c->device.index ());
    });
}

void aten_trim (aten_t *c)
{
    if (!c)
        return;
    held ().trim ();
    if (c->device.is_cpu ())
        return;
    try { /* also after an error: to make room for another try */
        c10::getDeviceAllocator (c->device.type ())->emptyCache ();
    } catch (...) {
        shim::fail_from_exception (c, __func__, {}, {});
    }
}
