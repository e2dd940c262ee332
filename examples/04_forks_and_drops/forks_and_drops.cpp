// Forks and drops: eight queens on a chess board, none of which attacks another.
//
// A state is a board with a queen in each of its first rows. An update puts a queen into the next row and tells which
// columns of the row after it are free. A board with k free columns gets k inputs, so k children replace it; a board with
// none is dropped. After eight rows the boards that are left are the solutions.
//
//   $ mpirun -np 4 build/examples/04_forks_and_drops/forks_and_drops
//   1 rows: 8 boards
//   2 rows: 42 boards
//   3 rows: 140 boards
//   4 rows: 344 boards
//   5 rows: 568 boards
//   6 rows: 550 boards
//   7 rows: 312 boards
//   8 rows: 92 boards
//   the first solution: a1 b5 c8 d6 e3 f7 g2 h4
#include <cstdlib>
#include <iostream>
#include <map>
#include <vector>

#include <rondo/rondo.hpp>

constexpr int kSize = 8;

using Board = std::vector<int>;  // the columns of its queens, by row
using Columns = std::vector<int>;

Columns free_columns(const Board& board) {
  Columns free;
  const int row = static_cast<int>(board.size());
  for (int column = 0; column < kSize; ++column) {
    bool attacked = false;
    for (int other = 0; other < row; ++other) {
      const int distance = std::abs(board[static_cast<std::size_t>(other)] - column);
      attacked = attacked || distance == 0 || distance == row - other;
    }
    if (!attacked) free.push_back(column);
  }
  return free;
}

// Input: the column of the next queen. Output: the free columns after it.
class PutQueen : public rondo::Update<Board, int, Columns> {
 public:
  Columns update(Board& board, const int& column, const Call&) override {
    board.push_back(column);
    return free_columns(board);
  }
};

int main(int argc, char** argv) {
  return rondo::run<PutQueen>(argc, argv, [](rondo::Master<PutQueen>& master) {
    master.reset({Board{}});
    std::map<rondo::StateId, Columns> inputs{{master.ids().front(), free_columns({})}};
    for (int row = 1; row <= kSize; ++row) {
      const auto families = master.update(inputs);
      inputs.clear();
      for (const auto& [parent, children] : families)
        for (const auto& child : children) inputs[child.id] = child.output;
      std::cout << row << " rows: " << master.size() << " boards\n";
    }
    std::cout << "the first solution:";
    char file = 'a';
    for (const int column : master.state(master.ids().front())) std::cout << ' ' << file++ << column + 1;
    std::cout << '\n';
  });
}
