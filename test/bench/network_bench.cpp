// How fast the recurrent network learns, against the arithmetic limit of the machine:
//
//   build/unit/network-bench [threads = 2]
//
// One epoch over invented histories, at 64 and 128 units, in events a second; the floating-point operations of the matrix
// products against what the same threads reach in a product that stays in the first cache. CPU time counts, so that the figures
// are those of a quiet machine also on a busy one.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "base/rng.hpp"
#include "recipe/event_code.hpp"
#include "recipe/network_training.hpp"
#include "unit/thread_executor.hpp"

namespace {

using namespace recsys;

double cpu_seconds() {
	std::timespec t{};
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Operations a second of one core, at best.
double limit() {
	constexpr std::size_t m = 8, n = 48, k = 96, rounds = 20000;
	std::vector<float> a(m * k, 0.5f), b(k * n, 0.25f), c(m * n);
	double best = 0;
	for (int repeat = 0; repeat < 10; ++repeat) {
		const double start = cpu_seconds();
		for (std::size_t i = 0; i < rounds; ++i)
			math::kernels().product(m, n, k, {a.data(), k, 1}, b.data(), n, c.data(), n, false);
		best = std::max(best, 2.0 * m * n * k * rounds / (cpu_seconds() - start));
	}
	return best;
}

} // namespace

int main(int argc, char **argv) {
	constexpr std::size_t n_users = 1500, n_items = 3500;
	data::TrainingSetBuilder builder(nullptr);
	test::ThreadExecutor executor(argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 2);
	for (std::size_t item = 0; item < n_items; ++item)
		builder.add_item(std::to_string(item), std::nullopt);
	const data::TrainingSet set = builder.finish(executor, {});
	MemoryBudget budget;
	Monitor monitor;
	const recipe::Hyperparameters none;
	const recipe::TrainRequest request{set, none, {}, 1, executor, {}, monitor, budget};
	recipe::NetworkEvents events(&budget);
	events.extra_columns = recipe::EventCode::kColumns;
	std::vector<recipe::Event> history;
	for (std::size_t user = 0; user < n_users; ++user) {
		Rng rng(1, user);
		history.clear();
		for (std::uint64_t i = 0, n = 20 + rng.below(260); i < n; ++i)
			history.push_back({static_cast<std::uint32_t>(rng.uniform() * rng.uniform() * n_items), static_cast<std::int64_t>(i) * 5'000'000, 1});
		recipe::EventCode().append(history, events);
	}
	const double most = limit();
	std::printf("limit of a core: %.1f GFLOP/s\n", most * 1e-9);
	for (const std::uint32_t d : {64u, 128u}) {
		recipe::NetworkSettings settings;
		settings.epochs = 1;
		recipe::NetworkTraining training(request, {d, recipe::EventCode::kRows, false}, settings);
		const double start = cpu_seconds();
		training.fit(events);
		const double seconds = cpu_seconds() - start;
		std::printf("%3u units: %7.0f events a CPU second, %6.1f GFLOP/s, %4.1f %% of the limit\n", d,
					static_cast<double>(events.size()) / seconds, training.operations() / seconds * 1e-9, 100 * training.operations() / seconds / most);
	}
}
